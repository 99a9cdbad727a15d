import { expect, test } from "bun:test";
import { type Digest, digestOf } from "../../src/primitives/digest.ts";
import { addAlice, type Everlock } from "../support/everlock.ts";
import { randomBytes } from "../support/random-bytes.ts";
import type { RegistryClient } from "../support/registry-client.ts";
import { startNode } from "../support/s3-cluster.ts";
import { sharedS3Server } from "../support/s3-server.ts";
import { describeWith } from "../support/tools.ts";
import { clientOf, nodeAt, REPOSITORY } from "./nodes.ts";
import { Random } from "./random.ts";
import { IS_FULL, SEED } from "./scale.ts";

/** So long, what is pushed is kept at least. */
const env = { TEST_EVERLOCK_MIN_GRACE_SECONDS: "1" };
const NODES = 3;
const PUSHERS = 6;
const PUSH_MS = IS_FULL ? 60_000 : 8_000;
const BLOB_BYTES = 500;
/** Blobs that a push uploads beside those that it names. */
const LOOSE_EACH = 3;
/** Every so many pushes, an image is deleted and pushed again. */
const AGAIN_EVERY = 3;

/** An image of one blob, which is its configuration. */
class Image {
  readonly blob = randomBytes(BLOB_BYTES);
  readonly layer: Digest = digestOf(this.blob);
  readonly manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: this.layer,
      size: BLOB_BYTES,
    },
    layers: [],
  });
  readonly digest = digestOf(Buffer.from(this.manifest));
}

describeWith(["versitygw", "ssh", "sshpass"], "three nodes that take pushes", () => {
  const bucket = sharedS3Server();

  test(
    "keep every image whole while one of them collects what the pushes mount and reuse",
    async () => {
      const random = new Random(SEED);
      const location = bucket();
      const nodes: Everlock[] = await Promise.all(
        Array.from({ length: NODES }, () => startNode(location, { args: ["--gc-grace", "1s"], env })),
      );
      const collector = nodeAt(nodes, 0);
      await addAlice(collector, "owner");
      expect((await collector.console("/oci set default retention=1s --yes")).code).toBe(0);
      /** Blobs that were uploaded, and that no manifest named then. */
      const loose: Image[] = [];
      const pushed: { readonly repository: string; readonly tag: string; readonly image: Image }[] = [];
      const reused = { found: 0, mounted: 0, gone: 0 };
      let turn = 0;
      const anyClient = (repository: string): RegistryClient => clientOf(nodeAt(nodes, turn++), repository);

      /** As clients do: what is there is not sent again. */
      const upload = async (repository: string, { layer, blob }: Image, isMounted: boolean) => {
        if (isMounted) {
          const mounting = `blobs/uploads/?mount=${layer}&from=${REPOSITORY}`;
          const { status } = await anyClient(repository).fetch(mounting, { method: "POST" });
          if (status === 201) {
            reused.mounted++;
            return "mounted";
          }
        } else {
          const { status } = await anyClient(repository).fetch(`blobs/${layer}`, { method: "HEAD" });
          if (status === 200) {
            reused.found++;
            return "found";
          }
        }
        reused.gone++;
        await anyClient(repository).pushBlob(blob);
        return "uploaded";
      };
      const push = async (repository: string, tag: string, image: Image, isMounted: boolean) => {
        const how = await upload(repository, image, isMounted);
        const began = performance.now();
        const response = await anyClient(repository).putManifest(tag, image.manifest);
        const ms = Math.round(performance.now() - began);
        if (response.status !== 201)
          throw new Error(`${tag}, ${how} ${ms} ms before: ${response.status} ${await response.text()}`);
      };

      let isOver = false;
      const pushers = Array.from({ length: PUSHERS }, async (_, pusher) => {
        for (let i = 0; !isOver; i++) {
          const fresh = Array.from({ length: LOOSE_EACH }, () => new Image());
          for (const image of fresh) await anyClient(REPOSITORY).pushBlob(image.blob);
          loose.push(...fresh);
          // From new to older than what the collector keeps.
          const image = loose.splice(random.below(loose.length), 1)[0];
          if (!image) throw new Error("there is no blob");
          const isMounted = i % 2 === 0;
          const repository = isMounted ? `team/app${pusher}` : REPOSITORY;
          const tag = `p${pusher}-${i}`;
          await push(repository, tag, image, isMounted);
          if (i % AGAIN_EVERY === 0) {
            const deleted = await anyClient(repository).fetch(`manifests/${image.digest}`, {
              method: "DELETE",
            });
            expect(deleted.status).toBe(202);
            await Bun.sleep(random.below(2000));
            await push(repository, tag, image, false);
          }
          pushed.push({ repository, tag, image });
        }
      });
      let removed = 0;
      const ends = Date.now() + PUSH_MS;
      while (Date.now() < ends) {
        const { code, stdout, stderr } = await collector.console("/jobs run gc");
        expect([code, stderr]).toEqual([0, ""]);
        removed += Number(stdout.match(/everlock-oci-local: removed .* (\d+) blobs/)?.[1] ?? 0);
      }
      isOver = true;
      await Promise.all(pushers);
      console.log(`${pushed.length} images pushed, ${removed} blobs removed; ${JSON.stringify(reused)}`);
      expect(removed).toBeGreaterThan(0);
      for (const { repository, tag, image } of pushed)
        expect(String(await anyClient(repository).verifyImage(tag))).toBe(image.digest);
    },
    PUSH_MS + 120_000,
  );
});
