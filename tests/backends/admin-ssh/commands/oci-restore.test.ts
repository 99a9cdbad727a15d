import { expect, test } from "bun:test";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { OCI_RESTORE_COMMANDS } from "../../../../src/backends/admin-ssh/commands/oci-restore.ts";
import { includesRole, type Role } from "../../../../src/primitives/users/role.ts";
import type { UserName } from "../../../../src/primitives/users/user.ts";
import { ALICE, APP, TestStore } from "../../../support/oci-store.ts";

/** What the command uses of the console, for a user who has one role everywhere. */
function contextOf({ oci }: TestStore, role: () => Role, confirm: () => Promise<boolean> = async () => true) {
  const context = {
    instances: {
      existing: () => ({ name: "default", immutable: [], references: "strict" }),
      storeOf: () => oci,
    },
    users: {
      directory: {
        allows: (_user: UserName, _path: string, wanted: Role) => includesRole(role(), wanted),
        isAdministrator: () => false,
      },
    },
    user: "alice",
    actor: ALICE.identity,
    isAdministrator: false,
    print: async () => undefined,
    confirm,
  };
  return context as unknown as CommandContext;
}

async function run(context: CommandContext, ...args: string[]): Promise<string> {
  const [command] = OCI_RESTORE_COMMANDS;
  if (!command) throw new Error("there is no such command");
  try {
    const result = await command.run(["default", ...args], context);
    return ("lines" in result ? result.lines : result).join("\n");
  } catch (error) {
    return String(error);
  }
}

async function storeWithNewerTag() {
  const store = await TestStore.open();
  await store.image("v1");
  const then = store.oci.store.head().commitId?.slice(0, 12) ?? "";
  await store.image("v2");
  return { store, then };
}

test("a writer restores what deletes no tag, and an owner what does", async () => {
  const { store, then } = await storeWithNewerTag();
  const writer = contextOf(store, () => "writer");
  expect(await run(writer, APP, then, "--yes")).toBe(
    `ConsoleError: restoring deletes tags and requires delete access to '${APP}', which 'alice' has not`,
  );
  expect(store.tags()).toEqual(["v1", "v2"]);
  await store.delete("v1");
  expect(await run(writer, `${APP}:v1`, then, "--yes")).toContain("v1 set to");
  expect(store.tags()).toEqual(["v1", "v2"]);
  expect(
    await run(
      contextOf(store, () => "owner"),
      APP,
      then,
      "--yes",
    ),
  ).toContain("delete v2");
  expect(store.tags()).toEqual(["v1"]);
});

test("a role that is taken away while it is asked whether to go on restores nothing", async () => {
  const { store, then } = await storeWithNewerTag();
  await store.delete("v1");
  let role: Role = "writer";
  const context = contextOf(
    store,
    () => role,
    async () => {
      role = "reader";
      return true;
    },
  );
  expect(await run(context, `${APP}:v1`, then)).toBe(
    `ConsoleError: restoring requires push access to '${APP}', which 'alice' has not`,
  );
  expect(store.tags()).toEqual(["v2"]);
});

test("only an administrator restores all", async () => {
  const { store, then } = await storeWithNewerTag();
  expect(
    await run(
      contextOf(store, () => "owner"),
      "--all",
      then,
      "--yes",
    ),
  ).toContain("restoring all requires a system administrator");
});

test("whoever names a tag that there was not is told so, whatever may be deleted, also where there is none now", async () => {
  const { store, then } = await storeWithNewerTag();
  for (const role of ["writer", "owner"] as const) {
    for (const tag of ["v2", "typo"]) {
      expect(
        await run(
          contextOf(store, () => role),
          `${APP}:${tag}`,
          then,
          "--yes",
        ),
      ).toBe(`ConsoleError: there was no tag '${APP}:${tag}' at ${then}`);
    }
  }
  expect(store.tags()).toEqual(["v1", "v2"]);
});
