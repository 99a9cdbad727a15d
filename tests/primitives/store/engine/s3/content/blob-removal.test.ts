import { describe, expect, test } from "bun:test";
import type { S3Location } from "../../../../../../src/primitives/s3/s3-location.ts";
import type { S3Request } from "../../../../../../src/primitives/s3/s3-request.ts";
import { MIN_GRACE_SECONDS } from "../../../../../../src/primitives/store/engine/s3/content/blob-touches.ts";
import { PART_BYTES } from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentNode, keysIn } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

const MINUTE_MS = 60_000;
const unneeded = () => true;
const isDeletion = ({ method, query }: S3Request) => method === "DELETE" || query?.["delete"] !== undefined;
const SMALL = randomBytes(1000);
const LARGE = randomBytes(PART_BYTES + 1000);

describeWith(["versitygw"], "blobs that a collector removes from a bucket", () => {
  const nextLocation = sharedS3Server();

  async function nodes(location: S3Location = nextLocation()) {
    return { collector: await contentNode(location), other: await contentNode(location), location };
  }

  describe.each([
    ["that holds its bytes", SMALL],
    ["that consists of data", LARGE],
  ])("one %s", (_, bytes) => {
    test("is gone for all nodes, with all its bytes", async () => {
      const { collector, other } = await nodes();
      const digest = await other.push(bytes);
      expect(await collector.blobs.remove(digest, unneeded)).toBe(true);
      expect(await other.blobs.verify(digest)).toBe("missing");
      expect(await eventually(async () => (await keysIn(other.client.bucket())).length === 0)).toBe(true);
      await other.push(bytes);
      expect(await collector.blobs.verify(digest)).toBe("sound");
    });

    test("is absent for other nodes while the collector looks, and there again if it is needed", async () => {
      const { collector, other } = await nodes();
      const digest = await collector.push(bytes);
      let seen: unknown = "not looked for";
      const isNeeded = async () => {
        seen = [
          await other.blobs.stat(digest),
          await other.blobs.open(digest),
          await other.blobs.read(digest),
        ];
        return false;
      };
      expect(await collector.blobs.remove(digest, isNeeded)).toBe(false);
      expect(seen).toEqual([undefined, undefined, undefined]);
      expect(await other.blobs.verify(digest)).toBe("sound");
    });

    test("that another node pushes while the collector looks stays", async () => {
      const { collector, other } = await nodes();
      const digest = await collector.push(bytes);
      const pushed = async () => {
        expect(await other.push(bytes)).toBe(digest);
        return true;
      };
      expect(await collector.blobs.remove(digest, pushed)).toBe(false);
      expect([await collector.blobs.verify(digest), await other.blobs.verify(digest)]).toEqual([
        "sound",
        "sound",
      ]);
    });

    test("that a killed collector has hidden is there again after two minutes", async () => {
      const { collector, other } = await nodes();
      const digest = await other.push(bytes);
      const looking = Promise.withResolvers<void>();
      void collector.blobs.remove(digest, () => {
        looking.resolve();
        return new Promise<boolean>(() => undefined);
      });
      await looking.promise;
      expect(await other.blobs.stat(digest)).toBeUndefined();
      other.client.aheadMs = 3 * MINUTE_MS;
      expect(await other.blobs.verify(digest)).toBe("sound");
    });

    test("that a killed collector has begun to delete is pushed again once its deletion would be refused", async () => {
      const { collector, other } = await nodes();
      const digest = await other.push(bytes);
      collector.client.trouble = (request) => (isDeletion(request) ? "lost" : undefined);
      expect(await collector.blobs.remove(digest, unneeded).catch(() => false)).toBe(false);
      expect(await other.blobs.stat(digest)).toBeUndefined();
      other.client.aheadMs = 21 * MINUTE_MS;
      await other.push(bytes);
      expect(await collector.blobs.verify(digest)).toBe("sound");
    });

    test("that is pushed while its object is deleted is stored after that", async () => {
      const { collector, other } = await nodes();
      const digest = await other.push(bytes);
      const pushes: Promise<unknown>[] = [];
      collector.client.trouble = async (request) => {
        if (request.method !== "DELETE") return undefined;
        pushes.push(other.push(bytes));
        await Bun.sleep(100);
        return undefined;
      };
      expect(await collector.blobs.remove(digest, unneeded)).toBe(true);
      await Promise.all(pushes);
      expect(await collector.blobs.verify(digest)).toBe("sound");
    });
  });

  test("are not deleted by a collector that hung after it had decided to", async () => {
    const location = nextLocation();
    let late = 0;
    const collector = await contentNode(location, { now: () => performance.now() + late });
    const digest = await collector.push(LARGE);
    collector.client.respond = (response) => {
      if (response.status === 200) late += 2 * MINUTE_MS;
      return response;
    };
    expect(await collector.blobs.remove(digest, unneeded)).toBe(false);
    const other = await contentNode(location);
    other.client.aheadMs = 21 * MINUTE_MS;
    await other.push(LARGE);
    expect(await other.blobs.verify(digest)).toBe("sound");
  });

  test("were touched by a node, and every other one sees it, for as long as it relies on it", async () => {
    const { collector, other } = await nodes();
    const digest = await collector.push(SMALL);
    expect(await collector.blobs.wasTouchedWithin?.(60, digest)).toBe(false);
    await other.blobs.touch?.(digest);
    const before = other.client.requests;
    await other.blobs.touch?.(digest);
    expect(other.client.requests).toBe(before);
    expect(await collector.blobs.wasTouchedWithin?.(60, digest)).toBe(true);
    collector.client.aheadMs = 1000 * MIN_GRACE_SECONDS + MINUTE_MS;
    expect(await collector.blobs.wasTouchedWithin?.(60, digest)).toBe(false);
    expect(await collector.blobs.wasTouchedWithin?.(3600, digest)).toBe(true);
  });

  test("are looked for in the store after a trace, whatever was known before", async () => {
    const { collector, other } = await nodes();
    const digest = await collector.push(SMALL);
    expect((await other.blobs.stat(digest))?.size).toBe(1000);
    expect(await collector.blobs.remove(digest, unneeded)).toBe(true);
    await other.blobs.touch?.(digest);
    expect(await other.blobs.stat(digest)).toBeUndefined();
  });

  test("are deleted many at a time", async () => {
    const { collector } = await nodes();
    const digests = await Promise.all(Array.from({ length: 40 }, () => collector.push(randomBytes(300_000))));
    let deletions = 0;
    collector.client.trouble = ({ query }) => {
      if (query?.["delete"] !== undefined) deletions++;
      return undefined;
    };
    const removed = await Promise.all(digests.map((digest) => collector.blobs.remove(digest, unneeded)));
    expect(removed.every(Boolean)).toBe(true);
    expect(await Array.fromAsync(collector.blobs.list())).toEqual([]);
    expect(deletions).toBeLessThan(20);
  });
});
