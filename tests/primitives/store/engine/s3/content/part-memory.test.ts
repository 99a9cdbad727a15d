import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import {
  PART_BYTES,
  PartMemory,
  uploadBytes,
} from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import { bodyOf } from "../../../../../support/body-of.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentNode } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { describeWith } from "../../../../../support/tools.ts";

/** Of so many parts, each with the copies that the runtime makes of it. */
const bytesOf = (parts: number) => 5 * parts * PART_BYTES;
/** Whether a promise has resolved when all that is due has run. */
const isDone = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), Bun.sleep(0).then(() => false)]);

describe("the memory of parts", () => {
  test("goes to those that wait in the order in which they came", async () => {
    const memory = new PartMemory({ bytes: bytesOf(2) });
    const [first] = [await memory.take(), await memory.take()];
    const third = memory.take();
    const fourth = memory.take();
    expect(await isDone(third)).toBe(false);
    first.release();
    first.release();
    expect(await isDone(third)).toBe(true);
    expect(await isDone(fourth)).toBe(false);
    expect(memory.used).toBe(bytesOf(2));
  });

  test("suffices for one part, however little it is", async () => {
    const memory = new PartMemory({ bytes: 1 });
    expect((await memory.take()).buffer).toHaveLength(PART_BYTES);
    expect(await isDone(memory.take())).toBe(false);
  });

  test("is asked back from the one that fills longest, and only while others wait", async () => {
    let now = 0;
    const memory = new PartMemory({ bytes: bytesOf(3), fillMs: 20, now: () => now });
    const [full, slow, fast] = [await memory.take(), await memory.take(), await memory.take()];
    full.full();
    now = 100;
    await Bun.sleep(40);
    expect(await isDone(slow.asked)).toBe(false);
    void memory.take();
    expect(await slow.asked).toBe("asked");
    expect(await isDone(fast.asked)).toBe(false);
    expect(await isDone(full.asked)).toBe(false);
  });

  test("is an eighth of the machine's for all threads, up to what is of use for one", () => {
    expect(uploadBytes(2, 1024 ** 3)).toBe(64 * 1024 ** 2);
    expect(uploadBytes(2, 512 * 1024 ** 3)).toBe(256 * 1024 ** 2);
  });
});

describeWith(["versitygw"], "uploads that share memory", () => {
  const nextLocation = sharedS3Server();

  test("take turns with the memory of two parts, and are all whole", async () => {
    const memory = new PartMemory({ bytes: bytesOf(2) });
    const { begin, find, uploads, blobs } = await contentNode(nextLocation(), { memory });
    const contents = Array.from({ length: 6 }, (_, i) => randomBytes((i % 3) * PART_BYTES + 100_000 + i));
    await Promise.all(
      contents.map(async (content) => {
        const { id } = await begin();
        await uploads.append(await find(id), bodyOf(content), true);
        const end = await uploads.finish({ ...(await find(id)), size: content.length }, digestOf(content));
        expect(end.kind).toBe("stored");
        expect(memory.used).toBeLessThanOrEqual(bytesOf(2));
      }),
    );
    expect(memory.used).toBe(0);
    for (const content of contents) expect(await blobs.verify(digestOf(content))).toBe("sound");
  });

  test("give back the memory of a client that stalls, which goes on where it was", async () => {
    const memory = new PartMemory({ bytes: bytesOf(1), fillMs: 20 });
    const { begin, find, uploads, blobs } = await contentNode(nextLocation(), { memory });
    const content = randomBytes(2 * PART_BYTES + 500_000);
    const [stalls, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function* stalling(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, PART_BYTES + 400_000);
      stalls.resolve();
      await goesOn.promise;
      yield content.subarray(PART_BYTES + 400_000);
    }
    const { id } = await begin();
    const slow = uploads.append(await find(id), stalling());
    await stalls.promise;
    const other = await begin();
    await uploads.append(await find(other.id), bodyOf(content.subarray(0, 1_000_000)));
    expect((await find(other.id)).size).toBe(1_000_000);
    // What has come of the slow one is durable meanwhile.
    expect(await eventually(async () => (await find(id)).size === PART_BYTES + 400_000)).toBe(true);
    goesOn.resolve();
    expect(await slow).toEqual({ kind: "appended", size: content.length });
    expect((await uploads.finish(await find(id), digestOf(content))).kind).toBe("stored");
    expect(await blobs.verify(digestOf(content))).toBe("sound");
    expect(memory.used).toBe(0);
  });

  test("give their memory back when the client or the session goes away, or the store fails", async () => {
    const memory = new PartMemory({ bytes: bytesOf(2) });
    const { begin, find, uploads, client } = await contentNode(nextLocation(), { memory });
    async function* brokenOff(): AsyncGenerator<Uint8Array> {
      yield randomBytes(PART_BYTES + 300_000);
      throw new Error("the connection was closed");
    }
    const [broken, cancelled, last, failed] = [await begin(), await begin(), await begin(), await begin()];
    expect((await uploads.append(await find(broken.id), brokenOff())).kind).toBe("interrupted");
    expect(memory.used).toBe(0);
    async function* cancelling(): AsyncGenerator<Uint8Array> {
      yield randomBytes(300_000);
      await uploads.cancel(cancelled);
      yield randomBytes(300_000);
    }
    expect((await uploads.append(await find(cancelled.id), cancelling())).kind).toBe("cancelled");
    expect(memory.used).toBe(0);
    // A last chunk that no end follows.
    await uploads.exclusively(last.id, async () =>
      uploads.append(await find(last.id), bodyOf(randomBytes(300_000)), true),
    );
    expect(memory.used).toBe(0);
    const found = await find(failed.id);
    client.trouble = () => "lost";
    await expect(uploads.append(found, bodyOf(randomBytes(PART_BYTES + 1)))).rejects.toThrow();
    expect(memory.used).toBe(0);
  });
});
