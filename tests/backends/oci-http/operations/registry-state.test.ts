import { expect, test } from "bun:test";
import { listTags } from "../../../../src/backends/oci-http/operations/list.ts";
import { parseMoment } from "../../../../src/backends/oci-http/operations/moment.ts";
import { stateOf, summariesOf } from "../../../../src/backends/oci-http/operations/registry-state.ts";
import type { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { WaitBudget } from "../../../../src/primitives/jobs/wait-budget.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { ADMINISTRATOR, actorWith } from "../../../support/actors.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";
import { all, DEFAULT, registryOver } from "../../../support/registry-services.ts";

const REFERRERS = { artifactType: undefined, last: "", limit: 10, maxBytes: 1_000_000 };
const momentOf = ({ oci }: TestStore) => parseMoment(oci.store.head().commitId ?? "");

test("a past state has the tags, manifests and referrers of its commit, whatever came and went since", async () => {
  const store = await TestStore.open();
  const services = registryOver(store);
  const image = await store.image("v1");
  const [kept, gone] = [
    await store.image("kept", { subject: image }),
    await store.image([], { subject: image }),
  ];
  const at = momentOf(store);
  const moved = await store.image("v1");
  await store.delete(gone);
  const later = await store.image("later", { subject: image });
  const state = await stateOf(services, DEFAULT, at);
  expect(await state.tagDigest(APP, "v1" as Tag)).toBe(image.digest);
  expect(await state.tags(APP, "", 10)).toEqual(["kept", "v1"] as Tag[]);
  expect(await state.tags(APP, "kept", 10)).toEqual(["v1"] as Tag[]);
  expect(await state.manifest(APP, gone.digest)).toMatchObject({ digest: gone.digest });
  expect(await state.manifest(APP, moved.digest)).toBeUndefined();
  const referrers = async (of: typeof state) =>
    (await of.referrers(APP, image.digest, REFERRERS)).entries.map(({ digest }) => digest);
  expect(await referrers(state)).toEqual([kept.digest, gone.digest].toSorted());
  const newest = await stateOf(services, DEFAULT);
  expect(await referrers(newest)).toEqual([kept.digest, later.digest].toSorted());
  expect(await newest.tagDigest(APP, "v1" as Tag)).toBe(moved.digest);
});

test("referrers of the past are the same entries as those of that time", async () => {
  const store = await TestStore.open();
  const services = registryOver(store);
  const image = await store.image("v1");
  const signature = await store.manifest("sig", APP, {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/x-signature",
    config: await store.blob("{}"),
    layers: [],
    subject: image,
    annotations: { signer: "alice" },
  });
  const at = momentOf(store);
  const then = await (await stateOf(services, DEFAULT)).referrers(APP, image.digest, REFERRERS);
  await store.delete(signature);
  const state = await stateOf(services, DEFAULT, at);
  expect(await state.referrers(APP, image.digest, REFERRERS)).toEqual(then);
  expect(then.entries).toMatchObject([{ digest: signature.digest, artifactType: "application/x-signature" }]);
  const other = { ...REFERRERS, artifactType: "application/x-other" };
  expect((await state.referrers(APP, image.digest, other)).entries).toEqual([]);
});

test("a repository is known in the past from its first manifest on, and not by the repositories below it", async () => {
  const store = await TestStore.open();
  const services = registryOver(store);
  await store.image("v1", { repository: "team/app/below" as RepositoryName });
  const before = momentOf(store);
  await store.image("v1");
  const after = momentOf(store);
  expect(await (await stateOf(services, DEFAULT, before)).isKnown(APP)).toBe(false);
  expect(await (await stateOf(services, DEFAULT, after)).isKnown(APP)).toBe(true);
  expect(await (await stateOf(services, DEFAULT, parseMoment("2000-01-01"))).isKnown(APP)).toBe(false);
});

test("tags are listed as of a moment, with who had set them", async () => {
  const store = await TestStore.open();
  const services = registryOver(store);
  const { digest } = await store.image("v1");
  const at = momentOf(store);
  await store.image(["v1", "v2"]);
  const request = { instance: DEFAULT, repository: APP, at };
  expect(await all(listTags(services, actorWith(ADMINISTRATOR), request))).toMatchObject([
    { tag: "v1", digest, by: "alice" },
  ]);
});

test("all operations of one request wait for the history and the sizes no longer than one does", async () => {
  const { oci } = await TestStore.open();
  let now = 0;
  const waits = new WaitBudget(50, () => now);
  const given: number[] = [];
  const newest = async (ms: number) => {
    given.push(ms);
    now += ms;
    return undefined;
  };
  const state = { oci: { ...oci, summaries: { newest } } as unknown as OciStore, waits };
  for (let i = 0; i < 3; i++) await summariesOf(state);
  expect(given).toEqual([50, 0, 0]);
  const services = { ...registryOver({ oci }), waits };
  expect((await stateOf(services, DEFAULT)).waits).toBe(waits);
});
