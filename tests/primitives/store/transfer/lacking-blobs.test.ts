import { expect, test } from "bun:test";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { lackingBlobs } from "../../../../src/primitives/store/transfer/lacking-blobs.ts";

const digests = Array.from({ length: 300 }, (_, i) =>
  digestOf(Buffer.from(String(i)), i % 5 === 0 ? "sha512" : "sha256"),
);

/** Pages by algorithm and first two digits, in any order within: as engines list blobs. */
async function* pages(of: readonly Digest[]): AsyncGenerator<readonly Digest[]> {
  const byPage = Map.groupBy(of, (digest) => digest.slice(0, "sha256:ab".length));
  for (const name of [...byPage.keys()].sort()) yield byPage.get(name)?.toReversed() ?? [];
}

const lacking = (source: readonly Digest[], target: readonly Digest[]) =>
  Array.fromAsync(lackingBlobs(pages(source), pages(target)));

test("the blobs that the target lacks are found, each once, whatever else it has", async () => {
  const [source, target] = [digests.slice(0, 200), digests.filter((_, i) => i % 3 === 0)];
  expect(await lacking(source, target)).toEqual(source.filter((digest) => !target.includes(digest)).sort());
  expect(await lacking(source, [])).toEqual(source.toSorted());
  expect(await lacking(source, digests)).toEqual([]);
  expect(await lacking([], target)).toEqual([]);
});
