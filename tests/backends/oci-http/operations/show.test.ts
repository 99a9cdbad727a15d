import { expect, test } from "bun:test";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { showCommit } from "../../../../src/backends/oci-http/operations/show.ts";
import { NotAllowedError } from "../../../../src/backends/refusals.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { DEFAULT, registryOver } from "../../../support/registry-services.ts";

async function show(store: TestStore, roles: Roles, limit = 10) {
  const commit = parseMoment(store.oci.store.head().commitId ?? "");
  if (!commit) throw new Error("there is no commit");
  return showCommit(registryOver(store), actorWith(roles), { instance: DEFAULT, commit, limit });
}

test("a commit is shown with its author, message and changes", async () => {
  const store = await TestStore.open();
  const { digest } = await store.image("v1");
  const record = await show(store, { "http/oci/default/team/**": "reader" });
  expect(record).toMatchObject({
    id: store.oci.store.head().commitId,
    author: { name: "alice", email: "alice@everlock" },
    changes: { more: false },
  });
  expect(record.message).toStartWith(`push ${APP}:v1\n`);
  expect(record.changes.entries).toContainEqual({
    kind: "manifest",
    repository: APP,
    digest,
    isThere: true,
  });
});

test("no more changes are read than are asked for", async () => {
  const store = await TestStore.open();
  await store.image(["v1", "v2"]);
  const { changes } = await show(store, ADMINISTRATOR, 2);
  expect([changes.entries.length, changes.more]).toEqual([2, true]);
});

test("a commit that changed nothing the actor may read is refused, but not to an administrator", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  await expect(show(store, { "http/oci/default/other": "owner" })).rejects.toBeInstanceOf(NotAllowedError);
  expect((await show(store, ADMINISTRATOR)).changes.entries).toHaveLength(2);
});

test("a commit that the actor may not see is refused in the words of one that does not exist", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const messageOf = async (text: string) => {
    const commit = parseMoment(text);
    if (!commit) throw new Error(`'${text}' is no moment`);
    const request = { instance: DEFAULT, commit, limit: 10 };
    const shown = showCommit(registryOver(store), actorWith({ "http/oci/default/other": "owner" }), request);
    const error: unknown = await shown.catch((reason: unknown) => reason);
    return error instanceof NotAllowedError ? error.message.replace(text, "") : error;
  };
  const hidden = await messageOf((store.oci.store.head().commitId ?? "").slice(0, 16));
  expect(hidden).toBe("no commit '' that changed what you may read");
  expect(await messageOf("0123456789012345")).toBe(hidden);
});
