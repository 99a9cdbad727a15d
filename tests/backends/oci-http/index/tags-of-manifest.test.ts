import { expect, test } from "bun:test";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

test("the tags of a manifest are read in batches by name, and counted up to a limit", async () => {
  const store = await TestStore.open();
  const { index } = store.oci;
  const tags = Array.from({ length: 2100 }, (_, i) => `v${String(i).padStart(5, "0")}` as Tag);
  const { digest } = await store.image(tags.toReversed());
  const { digest: other } = await store.image("other");
  expect([...index.eachTagOf(APP, digest)]).toEqual(tags);
  expect([...index.eachTagOf(APP, other)]).toEqual(["other" as Tag]);
  expect(index.tagsOf(APP, digest, 2, "v00099")).toEqual(["v00100" as Tag, "v00101" as Tag]);
  expect(index.countTagsOf(APP, digest, 5000)).toBe(2100);
  expect(index.countTagsOf(APP, digest, 7)).toBe(7);
  expect(index.countTagsOf(APP, other, 7)).toBe(1);
});
