import { expect, test } from "bun:test";
import { parseLine, runCommand } from "../../../../src/backends/admin-ssh/command-table.ts";
import type { CommandContext } from "../../../../src/backends/admin-ssh/commands/command.ts";
import { renderLog } from "../../../../src/backends/admin-ssh/commands/oci-history.ts";
import { renderTags } from "../../../../src/backends/admin-ssh/commands/oci-list.ts";
import { jsonLine } from "../../../../src/backends/admin-ssh/json-lines.ts";
import { listTags } from "../../../../src/backends/oci-http/operations/list.ts";
import { type LogRecord, readLog } from "../../../../src/backends/oci-http/operations/log.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
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
  expect(await run(`/oci ls default ${APP} --json`)).toEqual(records.map(jsonLine));
});

test("the log that the console shows as text and as JSON is made of the records of the operation", async () => {
  const { services, actor, run } = await openConsole();
  const records = await all(readLog(services, actor, { instance: DEFAULT }));
  expect(records).toMatchObject([{ user: "alice", repository: APP }]);
  expect(await run("/oci log default")).toEqual([...renderLog(records, SCREEN, DEFAULT).lines]);
  const [json = ""] = await run("/oci log default --json");
  const { time, ...record } = records[0] ?? { time: undefined };
  expect(JSON.parse(json)).toEqual({
    ...JSON.parse(JSON.stringify(record)),
    time: `${time?.toISOString().slice(0, 19)}Z`,
  });
});

const EVENT: LogRecord = {
  commitId: "19153ab8086f".padEnd(64, "0") as ObjectId,
  time: new Date("2026-11-24T10:56:40Z"),
  user: "alice",
  subject: "clean up app",
  repository: "app" as RepositoryName,
  tags: [],
  digest: undefined,
  client: "gc",
  remote: undefined,
};
const moves = (count: number) => Array.from({ length: count }, (_, i) => ({ tag: `v${i}` as Tag }));

function shownLog(event: Partial<LogRecord>): readonly string[] {
  return renderLog([{ ...EVENT, ...event }], SCREEN, DEFAULT).lines;
}

test("a cleanup of 300 tags is one line with a count, and a hint how to see them all", () => {
  const lines = shownLog({ tags: moves(300) });
  expect(lines).toHaveLength(3);
  expect(lines[1]).toContain("  clean up app (v0, v1, v2 and 297 more)  ");
  expect(lines[2]).toBe("'/oci show default 19153ab8086f' lists all tags of that commit");
  expect(lines.join("").length).toBeLessThan(300);
});

test("a push of many tags is one bounded line", () => {
  const tags = moves(50);
  const subject = `push app:${tags.map(({ tag }) => tag).join(", ")}`;
  expect(shownLog({ subject, tags })[1]).toContain("  push app:v0, v1, v2 and 47 more  ");
});

test.each([
  ["tag app:v1 as prod", "  tag app:v1 as prod  "],
  ["copy old to app", "  copy old to app (v0, v1)  "],
  ["delete app:pr-* (2 tags)", "  delete app:pr-* (2 tags) (v0, v1)  "],
])("the log of '%s' says what the subject says, and the tags that it does not name", (subject, shown) => {
  expect(shownLog({ subject, tags: moves(2) })[1]).toContain(shown);
});

test("of a message that lists only its first tags, no number of the rest is shown", () => {
  const [, line = ""] = shownLog({ subject: "copy old to app", tags: moves(100) });
  expect(line).toContain("  copy old to app (v0, v1, v2, …)  ");
});

test("the deletion of a manifest names the tags that went with it", () => {
  const subject = "delete app@sha256:d2f8e123cc41";
  expect(shownLog({ subject, tags: moves(1) })[1]).toContain(`  ${subject} (v0)  `);
});

test("a commit of stock git with a very long subject is shown with its beginning", () => {
  const [, line = ""] = shownLog({ subject: "x".repeat(1_000_000), repository: undefined });
  expect(line.length).toBeLessThan(400);
  expect(line).toContain("x…");
});

test.each([80, 40])("in %p columns the log shows when, who and what, and no line is cut", (width) => {
  const subject = "delete team/service/app@sha256:d2f8e123cc41";
  const repository = "team/service/app" as RepositoryName;
  const { lines } = renderLog([{ ...EVENT, subject, repository, tags: moves(1) }], { width }, DEFAULT);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(width - 2);
  const text = lines.join(" ").replaceAll(/\s+/g, " ");
  for (const part of ["2026-11-24", "10:56:40", "alice", "(v0)"]) expect(text).toContain(part);
  expect(lines.at(-1)).toContain(width === 80 ? "--json" : "or add --json");
});
