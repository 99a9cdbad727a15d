import { manifestPath, tagPath } from "../../src/backends/oci-http/content/layout.ts";
import { formatEvent } from "../../src/backends/oci-http/content/store-event.ts";
import { OciStore } from "../../src/backends/oci-http/store/oci-store.ts";
import { digestOf } from "../../src/primitives/digest.ts";
import { consoleLogger } from "../../src/primitives/logging/logger.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { SYSTEM_IDENTITY } from "../../src/primitives/store/commits/commit-group.ts";
import type { Change } from "../../src/primitives/store/commits/tree-edit.ts";
import { S3Engine } from "../../src/primitives/store/engine/s3/s3-engine.ts";
import type { S3EngineLocation } from "../../src/primitives/store/engine-location.ts";
import { StoreManager, type StoreName } from "../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import type { Tag } from "../../src/registry/model/tag.ts";
import { bucketAt } from "../support/s3-server.ts";

// How long a node with an empty disk takes until it serves a store of many tags in a bucket. Not a part of `bun run bench`:
// filling the bucket takes long.
//
//     bun tests/bench/s3-start.ts fill <endpoint> <tags> <pushes>
//
// fills the bucket `everlock` of a running object store with the keys of `tests/support/s3-server.ts`.

const STORE = "everlock-oci-local" as StoreName;
const TAGS_IN_A_REPOSITORY = 1000;
/** Tags of a commit, of those that are not pushed one by one. */
const BATCH = 2000;
const PUSHES_AT_ONCE = 256;

const sizeOf = (n: number) => ({ size: 1000 + n });

/** Of an image with a config and two layers, of which one is shared by the images of a repository. */
function imageOf(number: number) {
  const repository =
    `team-${Math.floor(number / 100_000)}/app-${Math.floor(number / TAGS_IN_A_REPOSITORY)}` as RepositoryName;
  const tag = `v${String(number).padStart(7, "0")}` as Tag;
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digestOf(Buffer.from(`config ${number}`)),
        ...sizeOf(number),
      },
      layers: [repository, String(number)].map((seed) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        digest: digestOf(Buffer.from(`layer ${seed}`)),
        ...sizeOf(number),
      })),
    }),
  );
  const digest = digestOf(content);
  const changes: Change[] = [
    { path: manifestPath(repository, digest), content },
    { path: tagPath(repository, tag), content: Buffer.from(`${digest}\n`) },
  ];
  const origin = { client: "benchmark", remote: "127.0.0.1" };
  const message = formatEvent({ kind: "push", repository, digest, tags: [{ tag }], origin });
  return { changes, message };
}

/** Writes tags as pushes would, most of them in few commits and the last `pushes` in one each. */
async function fill(location: S3Location, tags: number, pushes: number): Promise<void> {
  const where: S3EngineLocation = {
    kind: "s3",
    dataDir: `${process.env["TMPDIR"] ?? "/tmp"}/everlock-s3-start`,
    node: "filler",
    bucket: location,
    credentialsFile: undefined,
    maxAgeMs: 0,
    cache: undefined,
    redirectAbove: undefined,
  };
  const engine = new S3Engine(where, consoleLogger, bucketAt(location));
  await engine.check();
  const oci = await OciStore.open(new StoreManager(where, engine, consoleLogger), STORE);
  const log = await engine.openLog(STORE);
  for (let at = 0; at < tags - pushes; at += BATCH) {
    const count = Math.min(BATCH, tags - pushes - at);
    const changes = Array.from({ length: count }, (_, i) => imageOf(at + i).changes).flat();
    await oci.store.commit(changes, { author: SYSTEM_IDENTITY, message: "fill" });
    if (at % 50_000 === 0) process.stderr.write(`${at} tags, ${Math.round(performance.now() / 1000)} s\n`);
  }
  for (let at = tags - pushes; at < tags; at += PUSHES_AT_ONCE) {
    const count = Math.min(PUSHES_AT_ONCE, tags - at);
    await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const { changes, message } = imageOf(at + i);
        return oci.store.commit(changes, { author: SYSTEM_IDENTITY, message });
      }),
    );
    if (at % (64 * PUSHES_AT_ONCE) === 0)
      process.stderr.write(`${at} tags, ${Math.round(performance.now() / 1000)} s\n`);
  }
  await log.merge();
  await engine.copies.save(STORE, log, () => undefined);
  await oci.close();
}

const [command, endpoint = "", ...numbers] = process.argv.slice(2);
const location: S3Location = { endpoint, region: "us-east-1", bucket: "everlock", prefix: "registry" };
const [tags = 0, pushes = 0] = numbers.map(Number);
if (command === "fill") await fill(location, tags, pushes);
else process.stderr.write("usage: s3-start.ts fill <endpoint> <tags> <pushes>\n");
