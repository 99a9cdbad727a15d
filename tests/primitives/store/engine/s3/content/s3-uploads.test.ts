import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import type { S3Request } from "../../../../../../src/primitives/s3/s3-request.ts";
import { PART_BYTES } from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import type { UploadId } from "../../../../../../src/primitives/store/engine/upload-id.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { type ContentNode, contentNode, keysIn } from "../../../../../support/s3-content.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { SCOPE } from "../../../contract/engines.ts";

const LARGE = randomBytes(2 * PART_BYTES + 1_000_000);
const DIGEST = digestOf(LARGE);

async function bytesOf(node: ContentNode, digest = DIGEST, range?: { first: number; last: number }) {
  const opened = await node.blobs.open(digest);
  if (!opened) throw new Error("the blob is absent");
  return Buffer.from(await Bun.readableStreamToBytes(opened.stream(range)));
}

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

async function* brokenOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
  throw new Error("the connection was closed");
}

describeWith(["versitygw"], "uploads to a bucket", () => {
  const nextLocation = sharedS3Server();

  function nodes() {
    const location = nextLocation();
    return { location, bucket: bucketAt(location), open: () => contentNode(location) };
  }

  describe("by several nodes", () => {
    test("are begun, filled and ended by three of them, without reading the bytes again", async () => {
      const { open, bucket } = nodes();
      const [first, second, third] = [await open(), await open(), await open()];
      const { id } = await first.begin();
      await second.uploads.append(await second.find(id), bodyOf(LARGE));
      const found = await third.find(id);
      const before = third.client.requests;
      // The body of the last request is empty.
      await third.uploads.append(found, bodyOf(), true);
      expect((await third.uploads.finish(found, DIGEST)).kind).toBe("stored");
      expect(third.client.requests - before).toBeLessThanOrEqual(3);
      expect(isSame(await bytesOf(first), LARGE)).toBe(true);
      expect(await eventually(async () => (await keysIn(bucket)).length === 2)).toBe(true);
    });

    test("are gone on with by another node, which hashes what the first has received", async () => {
      const { open } = nodes();
      const [first, second] = [await open(), await open()];
      const { id } = await first.begin("sha512");
      await first.uploads.append(await first.find(id), bodyOf(LARGE.subarray(0, 7_000_000)));
      await second.uploads.append(await second.find(id), bodyOf(LARGE.subarray(7_000_000)), true);
      const digest = digestOf(LARGE, "sha512");
      const filled = { ...(await second.find(id)), size: LARGE.length };
      expect(await second.uploads.finish(filled, digest)).toMatchObject({
        kind: "stored",
        size: LARGE.length,
      });
      expect(isSame(await bytesOf(first, digest), LARGE)).toBe(true);
    });

    test("go on where they were acknowledged after the node that received more was killed", async () => {
      const { open, bucket } = nodes();
      const [killed, other] = [await open(), await open()];
      const { id } = await killed.begin();
      await killed.uploads.append(await killed.find(id), bodyOf(LARGE.subarray(0, 1000)));
      const received = Promise.withResolvers<void>();
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield LARGE.subarray(1000, 8_000_000);
        received.resolve();
        await new Promise(() => undefined);
      }
      void killed.uploads.append(await killed.find(id), endless());
      await received.promise;
      const found = await other.find(id);
      expect(found.size).toBe(1000);
      await other.uploads.append(found, bodyOf(LARGE.subarray(1000)), true);
      expect((await other.uploads.finish({ ...found, size: LARGE.length }, DIGEST)).kind).toBe("stored");
      expect(isSame(await bytesOf(other), LARGE)).toBe(true);
      expect(
        await eventually(async () => (await keysIn(bucket, "stores/everlock-test/uploads/")).length === 0),
      ).toBe(true);
    });

    test("that two of them append to at once hold what one has appended, and nothing of the other", async () => {
      const { open, bucket } = nodes();
      const all = [await open(), await open()];
      const [first] = all;
      if (!first) return;
      const { id } = await first.begin();
      const bodies = [LARGE, LARGE.subarray(0, 9_000_000)];
      const outcomes = await Promise.all(
        all.map(async (node, i) => node.uploads.append(await node.find(id), bodyOf(bodies[i] ?? LARGE))),
      );
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(["appended", "busy"]);
      const winner = bodies[outcomes.findIndex(({ kind }) => kind === "appended")] ?? LARGE;
      const filled = await first.find(id);
      expect((await first.uploads.finish(filled, digestOf(winner))).kind).toBe("stored");
      expect(await eventually(async () => (await keysIn(bucket)).length === 2)).toBe(true);
    });

    test("that two of them end at once are a blob by one, and not for the other", async () => {
      const { open } = nodes();
      const [first, second] = [await open(), await open()];
      const { id } = await first.begin();
      await first.uploads.append(await first.find(id), bodyOf(LARGE));
      const found = [await first.find(id), await second.find(id)] as const;
      const ends = await Promise.all([
        first.uploads.finish(found[0], DIGEST),
        second.uploads.finish(found[1], DIGEST),
      ]);
      expect(ends.map(({ kind }) => kind).toSorted()).toEqual([
        expect.stringMatching(/^(busy|cancelled)$/),
        "stored",
      ]);
      expect(isSame(await bytesOf(second), LARGE)).toBe(true);
    });

    test("of the same blob at once are both stored, and its bytes once", async () => {
      const { open, bucket } = nodes();
      const all = [await open(), await open(), await open()];
      const ends = await Promise.all(
        all.map(async (node) => {
          const upload = await node.begin();
          await node.uploads.append(upload, bodyOf(LARGE), true);
          return node.uploads.finish({ ...upload, size: LARGE.length }, DIGEST);
        }),
      );
      expect(ends.map((end) => end.kind === "stored" && end.added).toSorted()).toEqual([0, 0, LARGE.length]);
      const isTidy = async () => (await keysIn(bucket, "stores/everlock-test/data/")).length === 1;
      expect(await eventually(isTidy)).toBe(true);
      for (const node of all) expect(isSame(await bytesOf(node), LARGE)).toBe(true);
    });

    test("that one of them cancels end the request that another receives", async () => {
      const { location, open, bucket } = nodes();
      // Its clock is fast, so that it looks often.
      const receiver = await contentNode(location, { now: () => performance.now() * 100 });
      const other = await open();
      const { id } = await receiver.begin();
      async function* long(): AsyncGenerator<Uint8Array> {
        yield LARGE;
        expect(await other.uploads.cancel(await other.find(id))).toBe(true);
        for (;;) {
          yield LARGE.subarray(0, 100);
          await Bun.sleep(1);
        }
      }
      expect(await receiver.uploads.append(await receiver.find(id), long())).toEqual({ kind: "cancelled" });
      expect(await keysIn(bucket)).toEqual([]);
    });
  });

  describe("of parts", () => {
    test("that break off keep what came, are a blob of both pieces, and are read across them", async () => {
      const node = await nodes().open();
      const { id } = await node.begin();
      const cut = PART_BYTES + 70_000;
      expect((await node.uploads.append(await node.find(id), brokenOff(LARGE.subarray(0, cut)))).kind).toBe(
        "interrupted",
      );
      const found = await node.find(id);
      expect(found.size).toBe(cut);
      await node.uploads.append(found, bodyOf(LARGE.subarray(cut)), true);
      expect((await node.uploads.finish({ ...found, size: LARGE.length }, DIGEST)).kind).toBe("stored");
      expect(isSame(await bytesOf(node), LARGE)).toBe(true);
      const range = { first: cut - 100, last: cut + 99 };
      expect(isSame(await bytesOf(node, DIGEST, range), LARGE.subarray(cut - 100, cut + 100))).toBe(true);
      expect((await node.blobs.stat(DIGEST))?.size).toBe(LARGE.length);
      expect(await node.blobs.verify(DIGEST)).toBe("sound");
      expect(await node.blobs.remove(DIGEST, () => true)).toBe(true);
      expect(await keysIn(node.client.bucket(), "stores/everlock-test/data/")).toEqual([]);
    });

    test("in many small chunks are few objects in the end", async () => {
      const { open, bucket } = nodes();
      const node = await open();
      const { id } = await node.begin();
      const chunk = 700_000;
      for (let at = 0; at < LARGE.length; at += chunk) {
        const upload = await node.find(id);
        expect(upload.size).toBe(at);
        await node.uploads.append(upload, bodyOf(LARGE.subarray(at, at + chunk)));
      }
      expect((await node.uploads.finish(await node.find(id), DIGEST)).kind).toBe("stored");
      expect(isSame(await bytesOf(node), LARGE)).toBe(true);
      expect((await keysIn(bucket, "stores/everlock-test/data/")).length).toBeLessThan(8);
    });

    test("with another digest than the client said can end with the right one", async () => {
      const node = await nodes().open();
      const { id } = await node.begin();
      const wrong = digestOf(randomBytes(10));
      await node.uploads.append(await node.find(id), bodyOf(LARGE), true);
      const filled = { ...(await node.find(id)), size: LARGE.length };
      expect(await node.uploads.finish(filled, wrong)).toEqual({ kind: "mismatch", actual: DIGEST });
      expect((await node.find(id)).size).toBe(LARGE.length);
      expect((await node.uploads.finish(await node.find(id), DIGEST)).kind).toBe("stored");
      expect([await node.blobs.stat(wrong), isSame(await bytesOf(node), LARGE)]).toEqual([undefined, true]);
    });

    test("wait for the store once three parts are in memory", async () => {
      const node = await nodes().open();
      const { id } = await node.begin();
      const release = Promise.withResolvers<void>();
      node.client.trouble = ({ query }) =>
        query?.["partNumber"] ? release.promise.then(() => undefined) : undefined;
      let sent = 0;
      async function* body(): AsyncGenerator<Uint8Array> {
        for (; sent < 10 * PART_BYTES; sent += 65_536) yield LARGE.subarray(0, 65_536);
      }
      const appending = node.uploads.append(await node.find(id), body());
      expect(await eventually(() => sent >= 3 * PART_BYTES - 65_536)).toBe(true);
      await Bun.sleep(50);
      expect(sent).toBeLessThanOrEqual(3 * PART_BYTES);
      release.resolve();
      expect((await appending).kind).toBe("appended");
    });
  });

  describe("whose requests to the store fail", () => {
    const failing = (kind: "lost" | "unanswered", matches: (request: S3Request) => boolean) => {
      let isOver = false;
      return (request: S3Request) => {
        if (isOver || !matches(request)) return undefined;
        isOver = true;
        return kind;
      };
    };
    const isBlob = ({ method, key = "" }: S3Request) => method === "PUT" && key.includes("/blobs/");
    const isSession = ({ method, key = "" }: S3Request) => method === "PUT" && key.includes("/uploads/");
    const isCompletion = ({ method, query }: S3Request) =>
      method === "POST" && query?.["uploadId"] !== undefined;

    test.each([
      ["the object of the blob", isBlob],
      ["the session", isSession],
      ["the completion of parts", isCompletion],
    ])("are stored once if the response for %s is lost", async (_, matches) => {
      const { open, bucket } = nodes();
      const node = await open();
      const upload = await node.begin();
      node.client.trouble = failing("unanswered", matches);
      await node.uploads.append(upload, bodyOf(LARGE));
      const end = await node.uploads.finish({ ...upload, size: LARGE.length }, DIGEST);
      expect(end).toEqual({ kind: "stored", size: LARGE.length, added: LARGE.length });
      expect(isSame(await bytesOf(node), LARGE)).toBe(true);
      expect(await eventually(async () => (await keysIn(bucket)).length === 2)).toBe(true);
    });

    test("stay as they were acknowledged if the store is away, and can be gone on with", async () => {
      const node = await nodes().open();
      const { id } = await node.begin();
      await node.uploads.append(await node.find(id), bodyOf(LARGE.subarray(0, 1000)));
      const found = await node.find(id);
      node.client.trouble = ({ query }) => (query?.["partNumber"] ? "lost" : undefined);
      await expect(node.uploads.append(found, bodyOf(LARGE.subarray(1000)))).rejects.toThrow("cut off");
      node.client.trouble = () => undefined;
      expect((await node.find(id)).size).toBe(1000);
      await node.uploads.append(found, bodyOf(LARGE.subarray(1000)), true);
      expect((await node.uploads.finish({ ...found, size: LARGE.length }, DIGEST)).kind).toBe("stored");
      expect(isSame(await bytesOf(node), LARGE)).toBe(true);
    });

    test("can end again if the store was away at the end, although it has made the blob", async () => {
      const { open, bucket } = nodes();
      const node = await open();
      const upload = await node.begin();
      await node.uploads.append(upload, bodyOf(LARGE));
      const filled = { ...upload, size: LARGE.length };
      let isMade = false;
      node.client.trouble = (request) => {
        if (isMade && request.key?.includes("/blobs/")) return "lost";
        if (!isBlob(request)) return undefined;
        isMade = true;
        return "unanswered";
      };
      await expect(node.uploads.finish(filled, DIGEST)).rejects.toThrow("cut off");
      node.client.trouble = () => undefined;
      await node.uploads.rewind(filled);
      expect(await node.uploads.finish(await node.find(upload.id), DIGEST)).toMatchObject({
        added: LARGE.length,
      });
      expect(isSame(await bytesOf(node), LARGE)).toBe(true);
      expect(
        await eventually(async () => (await keysIn(bucket, "stores/everlock-test/uploads/")).length === 0),
      ).toBe(true);
      expect(await node.blobs.verify(DIGEST)).toBe("sound");
    });
  });

  test("without bytes are the empty blob", async () => {
    const node = await nodes().open();
    const upload = await node.begin();
    const empty = digestOf(new Uint8Array());
    expect(await node.uploads.finish(upload, empty)).toEqual({ kind: "stored", size: 0, added: 0 });
    expect([(await node.blobs.stat(empty))?.size, (await bytesOf(node, empty)).length]).toEqual([0, 0]);
  });

  test("of small blobs need five requests to the store where the client says what it was told", async () => {
    const node = await nodes().open();
    const bytes = randomBytes(5000);
    const before = node.client.requests;
    const id = (await node.uploads.create(SCOPE, "sha256")) as UploadId;
    const find = async () =>
      (await node.uploads.find(id, SCOPE, node.uploads.told?.(id))) ?? expect.unreachable();
    await node.uploads.append(await find(), bodyOf(bytes));
    const found = await find();
    expect(found.size).toBe(5000);
    await node.uploads.append(found, bodyOf(), true);
    expect((await node.uploads.finish(found, digestOf(bytes))).kind).toBe("stored");
    expect(await eventually(() => node.client.requests - before === 5)).toBe(true);
  });

  test("are asked for where the client was told something else by another node", async () => {
    const { open } = nodes();
    const [first, second] = [await open(), await open()];
    const { id } = await first.begin();
    const told = first.uploads.told?.(id);
    await second.uploads.append(
      (await second.uploads.find(id, SCOPE, told)) ?? expect.unreachable(),
      bodyOf(LARGE),
    );
    const news = second.uploads.told?.(id);
    expect([news === told, (await first.uploads.find(id, SCOPE, news))?.size]).toEqual([false, LARGE.length]);
    expect(await first.uploads.find(id, "team/other", news)).toBeUndefined();
    expect((await first.uploads.finish(await first.find(id), DIGEST)).kind).toBe("stored");
    expect([await first.uploads.find(id, SCOPE, news), first.uploads.told?.(id)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("of small blobs need four requests to the store from the first byte on", async () => {
    const node = await nodes().open();
    const upload = await node.begin();
    const bytes = randomBytes(5000);
    const before = node.client.requests;
    const found = await node.find(upload.id);
    await node.uploads.append(found, bodyOf(bytes), true);
    await node.uploads.finish({ ...found, size: 5000 }, digestOf(bytes));
    await eventually(() => node.client.requests - before === 4);
    expect(node.client.requests - before).toBe(4);
  });
});
