import { expect, test } from "bun:test";
import { diffMoments } from "../../../../src/backends/oci-http/operations/diff.ts";
import {
  type Moment,
  parseMoment,
  UnknownMomentError,
} from "../../../../src/backends/oci-http/operations/moment.ts";
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

test("a moment that the history does not have is refused in the words it was written in", async () => {
  const store = await TestStore.open();
  await store.image("v1");
  await expect(diff(store, ADMINISTRATOR, momentOf("2020-01-01"))).rejects.toEqual(
    new UnknownMomentError("no commit matches '2020-01-01'"),
  );
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
