import { expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { renderLog } from "../../../../src/backends/admin-ssh/commands/oci-history.ts";
import { renderTags } from "../../../../src/backends/admin-ssh/commands/oci-list.ts";
import { listTags } from "../../../../src/backends/oci-http/operations/list.ts";
import { readLog } from "../../../../src/backends/oci-http/operations/log.ts";
import { actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

async function openConsole() {
  const store = await TestStore.open();
  await store.image("v1");
  const [services, actor] = [registryOver(store), actorWith({ "http/oci/default/team/**": "reader" })];
  const context = { ...services, actor, width: undefined } as unknown as CommandContext;
  const run = (line: string) => {
    const parsed = parseLine(line);
    if (parsed.kind !== "command") throw new Error(`'${line}' is no command`);
    return runCommand(parsed, context);
  };
  return { services, actor, run };
}

const SCREEN = { width: undefined };

test("the tags that the console shows as text and as JSON are the records of the operation", async () => {
  const { services, actor, run } = await openConsole();
  const records = await all(listTags(services, actor, { instance: DEFAULT, repository: APP }));
  expect(records).toMatchObject([{ tag: "v1", by: "alice" }]);
  const { lines } = renderTags({ entries: records, more: false }, SCREEN);
  expect(await run(`/oci ls default ${APP}`)).toEqual(lines);
  expect(await run(`/oci ls default ${APP} --json`)).toEqual(records.map((record) => JSON.stringify(record)));
});

test("the log that the console shows as text and as JSON is made of the records of the operation", async () => {
  const { services, actor, run } = await openConsole();
  const records = await all(readLog(services, actor, { instance: DEFAULT }));
  expect(records).toMatchObject([{ user: "alice", repository: APP }]);
  expect(await run("/oci log default")).toEqual([...renderLog(records, SCREEN).lines]);
  const [json = ""] = await run("/oci log default --json");
  const { time, ...record } = records[0] ?? { time: undefined };
  expect(JSON.parse(json)).toEqual({
    ...JSON.parse(JSON.stringify(record)),
    seconds: (time?.getTime() ?? 0) / 1000,
  });
});
