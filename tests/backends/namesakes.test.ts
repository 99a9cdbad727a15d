import { describe, expect, test } from "bun:test";
import { MACHINE_ACTOR } from "../../src/backends/actor.ts";
import { auditedCommand, parseLine, runCommand } from "../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../src/backends/admin-ssh/commands/command.ts";
import { Store } from "../../src/primitives/store/commits/store.ts";
import { USERS_STORE, UserRegistry } from "../../src/primitives/users/user-registry.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { MemoryStore } from "../support/memory-engine/memory-store.ts";

/** A console with the registries `default` and `team`. */
async function openConsole() {
  const { objects, branch } = new MemoryStore();
  const store = await Store.open(USERS_STORE, { objects, branch });
  afterThisTest(() => store.close());
  const users = await UserRegistry.load(store, () => undefined);
  const created: string[] = [];
  const instances = {
    list: () => ["default", "team", ...created].map((name) => ({ name, vhosts: [], store: "s" })),
    create: async (_: unknown, { name }: { name: string }) => void created.push(name),
  };
  const context = { users, instances, actor: MACHINE_ACTOR };
  const run = async (line: string) => {
    const parsed = parseLine(line);
    if (parsed.kind !== "command") throw new Error(`'${line}' is no command`);
    return runCommand(parsed, context as unknown as CommandContext);
  };
  return { run, created };
}

describe("a user and a registry of one name", () => {
  test("are not made by a new user, unless that is confirmed", async () => {
    const { run } = await openConsole();
    await expect(run("/users add team s3cret")).rejects.toMatchObject({
      message:
        "a registry 'team' exists: the user would own the registry 'team' because it has the same name",
      hint: "add --yes to confirm",
    });
    expect(await run("/users list")).not.toContain("team");
    expect(await run("/users add team s3cret --yes")).toEqual(["user 'team' created"]);
    expect(await run("/users add teams s3cret")).toEqual(["user 'teams' created"]);
  });

  test("are not made by a new registry, unless that is confirmed", async () => {
    const { run, created } = await openConsole();
    await run("/users add alice s3cret");
    await expect(run("/oci create alice vhost=alice.test")).rejects.toThrow("a user 'alice' exists: ");
    expect(created).toEqual([]);
    expect(await run("/oci create alice vhost=alice.test --yes")).toEqual([
      "registry 'alice' created at alice.test, store 'everlock-oci-alice'",
    ]);
    expect(created).toEqual(["alice"]);
    await run("/oci create anon vhost=anon.test");
  });

  test("are shown among the user's grants and explained by /access check", async () => {
    const { run } = await openConsole();
    await run("/users add team s3cret --yes");
    expect(await run("/users grants team")).toEqual([
      "team",
      "  owns:  http/oci/team  owner  because the registry has its name",
    ]);
    expect(await run("/users grants team --json")).toEqual([
      '{"login":"team","path":"http/oci/team","role":"owner","isNamesake":true}',
    ]);
    expect(await run("/access check team http/oci/team/app")).toEqual([
      "pull: yes, the registry has the user's name",
      "push: yes, the registry has the user's name",
      "delete: yes, the registry has the user's name",
    ]);
    await run("/users add bob s3cret");
    expect(await run("/users grants bob")).toEqual(["bob"]);
  });
});

test("no password is logged, wherever --yes appears", () => {
  for (const line of ["/users add bob s3cret --yes", "/users add bob --yes s3cret", "/users add bob s3cret"])
    expect(auditedCommand(parseLine(line), () => false)?.text).not.toContain("s3cret");
});

test.each(["system", "everlock", "anon"])(
  "a user '%s' is refused, also when it is confirmed",
  async (name) => {
    const { run } = await openConsole();
    await expect(run(`/users add ${name} s3cret --yes`)).rejects.toThrow(
      name === "anon" ? "exists already" : `'${name}' is reserved: commits by such a user`,
    );
  },
);
