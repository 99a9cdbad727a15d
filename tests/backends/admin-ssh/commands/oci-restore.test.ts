import { expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { registryOver } from "../../../support/registry-services.ts";

/** A console for an owner of the registry who answers the question with `confirm`. */
async function openConsole(confirm: (store: TestStore) => Promise<boolean>) {
  const store = await TestStore.open();
  await store.image("v1");
  const then = store.oci.store.head().commitId?.slice(0, 12) ?? "";
  await store.image("v2");
  const printed: string[] = [];
  const context = {
    ...registryOver(store),
    actor: actorWith({ "http/oci/default": "owner" }),
    print: async (lines: readonly string[]) => void printed.push(...lines),
    confirm: () => confirm(store),
  };
  const run = (line: string) => {
    const parsed = parseLine(line);
    if (parsed.kind !== "command") throw new Error(`'${line}' is no command`);
    return runCommand(parsed, context as unknown as CommandContext);
  };
  return { store, then, printed, run };
}

test("what would change is shown before the question, and a no changes nothing", async () => {
  const { store, then, printed, run } = await openConsole(async () => false);
  expect(await run(`/oci restore default ${APP} ${then}`)).toEqual(["nothing was changed"]);
  expect(printed).toEqual([
    `restore '${APP}' as at ${then}:`,
    expect.stringMatching(/^ {2}delete v2, which was sha256:[0-9a-f]{12}$/),
  ]);
  expect(store.tags()).toEqual(["v1", "v2"]);
});

test("with --yes nothing is asked, and the same is shown after it was done", async () => {
  const { store, then, printed, run } = await openConsole(async () => {
    throw new Error("asked");
  });
  expect(await run(`/oci restore default ${APP} ${then} --yes`)).toHaveLength(2);
  expect([printed, store.tags()]).toEqual([[], ["v1"]]);
  expect(await run(`/oci restore default ${APP} ${then} --yes`)).toEqual([
    `'${APP}' already has the state at ${then}`,
  ]);
});

test("a refusal has a hint for the console", async () => {
  const { then, run } = await openConsole(async (store) => {
    await store.image("v2");
    return true;
  });
  await expect(run(`/oci restore default ${APP} ${then}`)).rejects.toMatchObject({
    message: `nothing was changed: '${APP}:v2' has moved meanwhile`,
    hint: "run the command again",
    kind: "conflict",
  });
  await expect(run(`/oci restore default ${APP} 0123456789`)).rejects.toMatchObject({
    message: "no commit matches '0123456789'",
    hint: "'/oci log' shows what it has",
    kind: "not-found",
  });
});

test("an undo is shown before the question, and says what it did; a second one changes nothing", async () => {
  const answers = [false, true];
  const { store, printed, run } = await openConsole(async () => answers.shift() ?? false);
  const pushed = store.oci.store.head().commitId?.slice(0, 12);
  expect(await run(`/oci undo default ${pushed}`)).toEqual(["nothing was changed"]);
  expect(printed).toEqual([
    `undo ${pushed} by alice:`,
    expect.stringMatching(/^ {2}delete team\/app:v2, which was sha256:[0-9a-f]{12}$/),
    "  delete 1 manifest that it added",
  ]);
  expect(await run(`/oci undo default ${pushed}`)).toEqual([
    expect.stringMatching(/^undone, in the commit [0-9a-f]{12}$/),
  ]);
  expect(store.tags()).toEqual(["v1"]);
  expect(await run(`/oci undo default ${pushed}`)).toEqual([`what ${pushed} changed is as it was before it`]);
});
