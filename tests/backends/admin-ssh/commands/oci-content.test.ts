import { expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { confirmed } from "../../../../src/backends/admin-ssh/commands/confirmed.ts";
import { UnconfirmedError } from "../../../../src/backends/refusals.ts";
import { actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { registryOver } from "../../../support/registry-services.ts";

/** A console for an owner of the registry who gives this answer to the question. */
async function openConsole(answer: boolean) {
  const store = await TestStore.open();
  await store.image(["pr-1", "pr-2", "v1"]);
  const printed: string[] = [];
  const context = {
    ...registryOver(store),
    actor: actorWith({ "http/oci/default": "owner" }),
    print: async (lines: readonly string[]) => void printed.push(...lines),
    confirm: async () => answer,
  };
  const run = (line: string) => {
    const parsed = parseLine(line);
    if (parsed.kind !== "command") throw new Error(`'${line}' is no command`);
    return runCommand(parsed, context as unknown as CommandContext);
  };
  return { store, printed, run };
}

test("what would be deleted is shown before the question, and a no deletes nothing", async () => {
  const { store, printed, run } = await openConsole(false);
  expect(await run(`/oci rm default ${APP}:pr-*`)).toEqual(["nothing was changed"]);
  expect(printed).toEqual([
    `delete from 'default' what '${APP}:pr-*' names: 2 tags and 0 manifests in 1 repository`,
    expect.stringMatching(/^ {2}team\/app:pr-1, which is sha256:[0-9a-f]{12}$/),
    expect.stringMatching(/^ {2}team\/app:pr-2, which is sha256:[0-9a-f]{12}$/),
  ]);
  expect(store.tags()).toEqual(["pr-1", "pr-2", "v1"]);
});

test("a deletion prints the command that undoes it, which does", async () => {
  const { store, run } = await openConsole(true);
  const lines = await run(`/oci rm default ${APP}:pr-*`);
  expect(store.tags()).toEqual(["v1"]);
  const undo = lines.find((line) => line.startsWith("undo: "))?.slice("undo: ".length) ?? "";
  expect(undo).toStartWith(`/oci restore default '${APP}:pr-*' `);
  expect(await run(`${undo} --yes`)).toHaveLength(3);
  expect(store.tags()).toEqual(["pr-1", "pr-2", "v1"]);
});

test("with --yes and --json, a deletion prints one record with its commit and how to undo it", async () => {
  const { store, run } = await openConsole(false);
  const [line = "", ...more] = await run(`/oci rm default ${APP} --yes --json`);
  expect(more).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({
    changed: true,
    tags: 3,
    manifests: 1,
    repositories: 1,
    commit: store.oci.store.head().commitId,
    undo: expect.stringMatching(/^\/oci restore default team\/app [0-9a-f]{12}$/),
  });
});

test("a change with consequences is asked about once, and carried out only after a yes", async () => {
  for (const answer of [true, false]) {
    const [printed, calls]: [string[], boolean[]] = [[], []];
    const context = {
      print: async (lines: readonly string[]) => void printed.push(...lines),
      confirm: async () => answer,
    };
    const done = await confirmed(context, false, async (isSure) => {
      calls.push(isSure);
      if (!isSure) throw new UnconfirmedError("this goes\nand that");
      return "done";
    });
    expect([printed, calls, done]).toEqual([
      ["this goes", "and that"],
      answer ? [false, true] : [false],
      answer ? "done" : "declined",
    ]);
  }
});
