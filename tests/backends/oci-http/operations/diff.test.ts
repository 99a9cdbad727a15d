import { expect, test } from "bun:test";
import { diffMoments } from "../../../../src/backends/oci-http/operations/diff.ts";
import { listRepositories } from "../../../../src/backends/oci-http/operations/list.ts";
import {
  type Moment,
  parseMoment,
  UnknownMomentError,
} from "../../../../src/backends/oci-http/operations/moment.ts";
import { NO_COMMIT } from "../../../../src/primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import { ADMINISTRATOR, actorWith, type Roles } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const HIDDEN = "hidden" as RepositoryName;
const READER = { "http/oci/default/team/**": "reader" } as const;

function momentOf(text: string): Moment {
  const moment = parseMoment(text);
  if (!moment) throw new Error(`'${text}' is not a moment`);
  return moment;
}

const now = ({ oci }: TestStore) => momentOf(oci.store.head().commitId ?? "");

async function diff(store: TestStore, roles: Roles, from: Moment, to?: Moment) {
  const changes = await all(
    diffMoments(registryOver(store), actorWith(roles), { instance: DEFAULT, from, to }),
  );
  return changes
    .map((change) => `${change.repository} ${change.kind === "tag" ? change.tag : "manifest"}`)
    .toSorted();
}

test("differences are listed up to now or another moment, only in repositories that the actor may read", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const first = now(store);
  await store.image("v2");
  const second = now(store);
  await store.image("v1", { repository: HIDDEN });
  expect(await diff(store, ADMINISTRATOR, first)).toEqual([
    `${HIDDEN} manifest`,
    `${HIDDEN} v1`,
    `${APP} manifest`,
    `${APP} v2`,
  ]);
  expect(await diff(store, READER, first)).toEqual([`${APP} manifest`, `${APP} v2`]);
  expect(await diff(store, READER, second)).toEqual([]);
  expect(await diff(store, ADMINISTRATOR, first, second)).toEqual([`${APP} manifest`, `${APP} v2`]);
});

test("a tag that moved tells both digests", async () => {
  const store = await TestStore.open();
  const before = await store.image("v1");
  const from = now(store);
  const after = await store.image("v1");
  const changes = diffMoments(registryOver(store), actorWith(READER), {
    instance: DEFAULT,
    from,
    to: undefined,
  });
  expect(await all(changes)).toContainEqual({
    kind: "tag",
    repository: APP,
    tag: "v1" as never,
    before: before.digest,
    after: after.digest,
  });
});

test("a commit that the history does not have is refused in the words it was written in", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  await expect(diff(store, ADMINISTRATOR, momentOf("0123456789"))).rejects.toEqual(
    new UnknownMomentError("no commit matches '0123456789'"),
  );
});

test("a time before the first commit is the empty registry, on both sides", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const [before, after] = [momentOf("2020-01-01"), now(store)];
  const changes = (from: Moment, to: Moment) =>
    all(diffMoments(registryOver(store), actorWith(ADMINISTRATOR), { instance: DEFAULT, from, to }));
  expect(await changes(before, after)).toHaveLength(2);
  expect((await changes(before, after)).every((change) => change.kind === "tag" || change.isThere)).toBe(
    true,
  );
  expect(await changes(after, before)).toHaveLength(2);
  expect(await changes(before, before)).toEqual([]);
});

test("a registry at the empty state serves nothing and keeps nothing", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const { view } = await store.oci.frozenAt(NO_COMMIT);
  expect([view.index.manifestsOf(APP), store.oci.frozenCommits()]).toEqual([[], []]);
  const services = registryOver(store, { at: NO_COMMIT });
  const request = { instance: DEFAULT, from: momentOf("2020-01-01"), to: undefined };
  expect(await all(diffMoments(services, actorWith(ADMINISTRATOR), request))).toEqual([]);
  expect(await all(listRepositories(services, actorWith(ADMINISTRATOR), { instance: DEFAULT }))).toEqual([]);
});

test("a registry at a past state knows no later commit, and differs up to its own", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  const first = now(store);
  await store.image("v2");
  const services = registryOver(store, { at: store.oci.store.head().commitId });
  await store.image("v3");
  const diffFrom = (from: Moment) =>
    all(diffMoments(services, actorWith(ADMINISTRATOR), { instance: DEFAULT, from, to: undefined }));
  expect(await diffFrom(first)).toHaveLength(2);
  await expect(diffFrom(now(store))).rejects.toBeInstanceOf(UnknownMomentError);
});
