import { expect, test } from "bun:test";
import { SUMMARY_DATABASE } from "../../../../src/backends/oci-http/summaries/summary-database.ts";
import { SummaryUpdate } from "../../../../src/backends/oci-http/summaries/summary-update.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import { Pace } from "../../../../src/primitives/jobs/pace.ts";
import { openDatabase } from "../../../../src/primitives/sqlite/open-database.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const LEVELS = 3;
const WIDTH = 6;
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

/** Levels of indexes, each of which names all of the level below; the image is the first entry. */
function nestedIndexes(): Map<Digest, Buffer> {
  const made = new Map<Digest, Buffer>();
  const add = (json: object): Digest => {
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, ...json }));
    const digest = digestOf(content);
    made.set(digest, content);
    return digest;
  };
  const layer = {
    mediaType: "application/octet-stream",
    digest: digestOf(Buffer.from("a layer")),
    size: 1000,
  };
  let level = [add({ mediaType: IMAGE, config: layer, layers: [] })];
  for (let depth = 0; depth < LEVELS; depth++) {
    const manifests = level.map((digest) => ({
      mediaType: made.size === 1 ? IMAGE : INDEX,
      digest,
      size: made.get(digest)?.length,
    }));
    level = Array.from({ length: WIDTH }, (_, number) =>
      add({
        mediaType: INDEX,
        manifests,
        annotations: { number: `${number}` },
      }),
    );
  }
  return made;
}

test("a manifest in many nested indexes measures each of them once, not once for each way to it", async () => {
  const db = openDatabase(`${temporaryDirectory()}/summaries.sqlite`, SUMMARY_DATABASE);
  afterThisTest(() => db.close());
  const [[image, content] = [], ...indexes] = nestedIndexes();
  if (!image || !content) throw new Error("there is no image");
  const stored = new Map(indexes);
  let reads = 0;
  const read = (_repository: string, digest: Digest) => {
    reads++;
    return stored.get(digest);
  };
  const { signal } = new AbortController();
  const update = new SummaryUpdate(db, read, new Pace(1, signal), signal);
  for (const [digest, bytes] of indexes) await update.addManifest(APP, digest, bytes);
  const sizes = () => db.query("SELECT DISTINCT size FROM manifests").values().flat();
  expect(sizes()).toEqual([0]);
  stored.set(image, content);
  reads = 0;
  await update.addManifest(APP, image, content);
  expect(sizes()).toEqual([1000]);
  expect(reads).toBeLessThanOrEqual(LEVELS * WIDTH * (LEVELS * WIDTH + 1));
});
