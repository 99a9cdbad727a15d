import { expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import { S3Multipart } from "../../../../../../src/primitives/s3/s3-multipart.ts";
import { PART_BYTES } from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentNode, keysIn } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const LARGE = randomBytes(2 * PART_BYTES + 1000);
const DIGEST = digestOf(LARGE);

describeWith(["versitygw"], "what killed nodes have left in a bucket", () => {
  const nextLocation = sharedS3Server();

  async function nodes() {
    const location = nextLocation();
    return { killed: await contentNode(location), other: await contentNode(location) };
  }
  type Node = Awaited<ReturnType<typeof nodes>>["other"];

  /** A request that sends two parts and then nothing more. */
  async function hang(node: Node, id: Parameters<Node["find"]>[0]): Promise<void> {
    const sent = Promise.withResolvers<void>();
    async function* body(): AsyncGenerator<Uint8Array> {
      yield LARGE;
      sent.resolve();
      await new Promise(() => undefined);
    }
    void node.uploads.append(await node.find(id), body());
    await sent.promise;
  }

  const partsLeft = (node: Node) => new S3Multipart(node.client.bucket()).list("stores/");

  test("is deleted with its session, which expires by the store's clock", async () => {
    const { killed, other } = await nodes();
    const { id } = await killed.begin();
    await killed.uploads.append(await killed.find(id), bodyOf(LARGE));
    await hang(killed, id);
    expect((await partsLeft(other)).length).toBe(1);
    expect(await other.uploads.expire(DAY_MS)).toBe(0);
    other.client.aheadMs = 2 * DAY_MS;
    expect(await other.uploads.expire(DAY_MS)).toBe(1);
    expect([await keysIn(other.client.bucket()), await partsLeft(other)]).toEqual([[], []]);
  });

  test("is deleted when another node ends the session", async () => {
    const { killed, other } = await nodes();
    const { id } = await killed.begin();
    await hang(killed, id);
    const found = await other.find(id);
    await other.uploads.append(found, bodyOf(LARGE), true);
    expect((await other.uploads.finish({ ...found, size: LARGE.length }, DIGEST)).kind).toBe("stored");
    expect(await eventually(async () => (await keysIn(other.client.bucket())).length === 2)).toBe(true);
    expect(await partsLeft(other)).toEqual([]);
    expect(await other.blobs.verify(DIGEST)).toBe("sound");
  });

  test("of a session that may have become a blob stays if it has, and is deleted if not", async () => {
    for (const trouble of ["unanswered", "lost"] as const) {
      const { killed, other } = await nodes();
      const upload = await killed.begin();
      await killed.uploads.append(upload, bodyOf(LARGE));
      let isOver = false;
      killed.client.trouble = ({ key = "" }) => {
        if (isOver) return "lost";
        if (!key.includes("/blobs/")) return undefined;
        isOver = true;
        return trouble;
      };
      await expect(killed.uploads.finish({ ...upload, size: LARGE.length }, DIGEST)).rejects.toThrow(
        "cut off",
      );
      other.client.aheadMs = 2 * DAY_MS;
      expect(await other.uploads.cancel(await other.find(upload.id))).toBe(true);
      other.client.aheadMs = 4 * DAY_MS;
      await other.uploads.expire(DAY_MS);
      expect(await other.blobs.verify(DIGEST)).toBe(trouble === "unanswered" ? "sound" : "missing");
      const isContent = (key: string) => /\/(blobs|data|uploads)\//.test(key);
      const left = (await keysIn(other.client.bucket())).filter(isContent);
      expect(left.length).toBe(trouble === "unanswered" ? 2 : 0);
    }
  });

  test("without a session is ended after some days: parts of uploads, and traces of blobs", async () => {
    const { other } = await nodes();
    const bucket = other.client.bucket();
    const multipart = new S3Multipart(bucket);
    await multipart.start("stores/everlock-test/copies/left");
    await other.blobs.touch?.(DIGEST);
    await other.uploads.expire(DAY_MS);
    expect([(await partsLeft(other)).length, (await keysIn(bucket)).length]).toEqual([1, 1]);
    other.client.aheadMs = 5 * DAY_MS;
    await other.uploads.expire(DAY_MS);
    expect([await partsLeft(other), await keysIn(bucket)]).toEqual([[], []]);
  });

  test("and no blob names is deleted a week after it was found so: what blobs and sessions need stays", async () => {
    const { killed, other } = await nodes();
    const bucket = other.client.bucket();
    const { id } = await killed.begin();
    const stale = `stores/everlock-test/data/${id}.0123456789abcdef`;
    // As a node does that hung until its session was gone.
    expect(await killed.uploads.cancel(await killed.find(id))).toBe(true);
    await bucket.put(stale, new Uint8Array(10));
    // One blob in one data object, one in several, and a session that goes on.
    await other.push(LARGE);
    const several = await other.begin();
    await other.uploads.append(several, bodyOf(LARGE));
    const more = await other.find(several.id);
    await other.uploads.append(more, bodyOf(LARGE.subarray(1)), true);
    const twice = Buffer.concat([LARGE, LARGE.subarray(1)]);
    await other.uploads.finish({ ...more, size: twice.length }, digestOf(twice));
    const open = await other.begin();
    await other.uploads.append(open, bodyOf(LARGE));
    const keys = () => keysIn(bucket, "stores/everlock-test/data/");
    await eventually(async () => (await keysIn(bucket, "stores/everlock-test/uploads/")).length === 1);
    const before = await keys();
    expect(before.length).toBeGreaterThanOrEqual(5);
    for (const [days, isLeft] of [
      [1, true],
      [3, true],
      [9, true],
      [11, false],
    ] as const) {
      other.client.aheadMs = days * DAY_MS;
      await other.uploads.expire(100 * DAY_MS);
      expect((await keys()).includes(stale)).toBe(isLeft);
    }
    expect(await keys()).toEqual(before.filter((key) => key !== stale));
    expect(await other.blobs.verify(DIGEST)).toBe("sound");
    expect(await other.blobs.verify(digestOf(twice))).toBe("sound");
  });
});
