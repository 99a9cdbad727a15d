import type { Digest } from "../../digest.ts";

type Pages = AsyncIterable<readonly Digest[]>;

/** The blobs of `source` that `target` lacks. Both are listed as by `BlobStore.list`, and read along with each other. */
export async function* lackingBlobs(source: Pages, target: Pages): AsyncGenerator<Digest> {
  const present = sorted(target);
  try {
    let next = await present.next();
    for await (const digest of sorted(source)) {
      while (!next.done && next.value < digest) next = await present.next();
      if (next.done || next.value !== digest) yield digest;
    }
  } finally {
    await present.return(undefined);
  }
}

/** Pages are in order, but not what is in them. */
async function* sorted(pages: Pages): AsyncGenerator<Digest> {
  for await (const page of pages) yield* page.toSorted();
}
