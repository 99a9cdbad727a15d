import { expect, test } from "bun:test";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

test("the tags of a manifest are read in batches by name, and counted up to a limit", async () => {
  const store = await TestStore.open();
  const { manifestTags } = store.oci.index;
  const tags = Array.from({ length: 2100 }, (_, i) => `v${String(i).padStart(5, "0")}` as Tag);
  const { digest } = await store.image(tags.toReversed());
  const { digest: other } = await store.image("other");
  expect([...manifestTags.each(APP, digest)]).toEqual(tags);
  expect([...manifestTags.each(APP, other)]).toEqual(["other" as Tag]);
  expect(manifestTags.after("v00099", APP, digest, 2)).toEqual(["v00100" as Tag, "v00101" as Tag]);
  expect(manifestTags.count(APP, digest, 5000)).toBe(2100);
  expect(manifestTags.count(APP, digest, 7)).toBe(7);
  expect(manifestTags.count(APP, other, 7)).toBe(1);
});
