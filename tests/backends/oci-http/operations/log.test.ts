import { expect, test } from "bun:test";
import { copyRepository } from "../../../../src/backends/oci-http/operations/copy.ts";
import { type LogRequest, readLog } from "../../../../src/backends/oci-http/operations/log.ts";
import { NotAllowedError } from "../../../../src/backends/refusals.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const HIDDEN = "hidden" as RepositoryName;
const READER = { "http/oci/default/team/**": "reader" } as const;

/** A push and a delete in one repository, a push in another, and a commit of stock git. */
async function storeWithHistory() {
  const store = await TestStore.open();
  await store.image("v1");
  await store.image("secret", { repository: HIDDEN });
  await store.delete("v1");
  await store.oci.store.write(storePath("readme"), Buffer.from("x"), {
    author: SYSTEM_IDENTITY,
    message: "explain",
  });
  const log = async (roles: Roles, filter: Omit<LogRequest, "instance"> = {}) =>
    (await all(readLog(registryOver(store), actorWith(roles), { instance: DEFAULT, ...filter }))).map(
      ({ subject }) => subject,
    );
  return { store, log };
}

test("an administrator sees every commit, the newest first", async () => {
  const { log } = await storeWithHistory();
  expect(await log(ADMINISTRATOR)).toEqual([
    "explain",
    `delete ${APP}:v1`,
    `push ${HIDDEN}:secret`,
    `push ${APP}:v1`,
  ]);
});

test("others see the commits of the repositories that they may read, and none that names no repository", async () => {
  const { log } = await storeWithHistory();
  expect(await log(READER)).toEqual([`delete ${APP}:v1`, `push ${APP}:v1`]);
  expect(await log({})).toEqual([]);
  for (const repository of [HIDDEN, "missing" as RepositoryName])
    await expect(log(READER, { repository })).rejects.toEqual(
      new NotAllowedError(`no repository '${repository}' in 'default' that you may read`),
    );
});

test("a rename is in the log of who may read one of the two repositories, without the name of the other", async () => {
  const { store, log } = await storeWithHistory();
  const another = { ...actorWith(ADMINISTRATOR), identity: SYSTEM_IDENTITY };
  const rename = (from: RepositoryName, to: RepositoryName) =>
    copyRepository(registryOver(store), another, {
      instance: DEFAULT,
      from,
      to,
      kind: "rename",
    });
  await rename(HIDDEN, "team/shown" as RepositoryName);
  await rename("team/shown" as RepositoryName, "hidden/again" as RepositoryName);
  await rename("hidden/again" as RepositoryName, HIDDEN);
  const hidden = "rename that involves a repository which you may not read";
  expect((await log(READER)).filter((subject) => subject.startsWith("rename"))).toEqual([hidden, hidden]);
  expect(await log({})).toEqual([]);
});

test("a role that is taken away while the log is read hides the rest", async () => {
  const { store } = await storeWithHistory();
  const actor = actorWith(READER);
  const seen: string[] = [];
  for await (const { subject } of readLog(registryOver(store), actor, { instance: DEFAULT })) {
    seen.push(subject);
    actor.become({});
  }
  expect(seen).toEqual([`delete ${APP}:v1`]);
});

test("records are narrowed by tag, author and time", async () => {
  const { log } = await storeWithHistory();
  expect(await log(ADMINISTRATOR, { repository: APP, tag: "v2" as Tag })).toEqual([]);
  expect(await log(ADMINISTRATOR, { user: "nobody" })).toEqual([]);
  expect(await log(ADMINISTRATOR, { user: "alice" })).toHaveLength(3);
  expect(await log(ADMINISTRATOR, { since: new Date(Date.now() + 60_000) })).toEqual([]);
  expect(await log(ADMINISTRATOR, { since: new Date(Date.now() - 60_000) })).toHaveLength(4);
});

test("a record tells who changed which tag, when and from where", async () => {
  const store = await TestStore.open();
  const first = await store.image("v1");
  const second = await store.image("v1");
  const [record] = await all(readLog(registryOver(store), actorWith(READER), { instance: DEFAULT }));
  expect(record).toMatchObject({
    commitId: store.oci.store.head().commitId,
    user: "alice",
    repository: APP,
    digest: second.digest,
    tags: [{ tag: "v1", previous: first.digest }],
    client: "test",
    remote: "127.0.0.1",
  });
  expect(record?.time).toBeInstanceOf(Date);
});

test("a registry at a past state tells nothing that came later", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const services = registryOver(store, { at: store.oci.store.head().commitId });
  await store.image("v2");
  const records = await all(readLog(services, actorWith(ADMINISTRATOR), { instance: DEFAULT }));
  expect(records.map(({ subject }) => subject)).toEqual([`push ${APP}:v1`]);
});
