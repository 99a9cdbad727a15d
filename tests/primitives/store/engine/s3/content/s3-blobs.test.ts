import { describe, expect, test } from "bun:test";
import { PlacedBlobs } from "../../../../../../src/primitives/s3/placed-blobs.ts";
import { BlobCache } from "../../../../../../src/primitives/store/engine/s3/content/blob-cache.ts";
import { MIN_GRACE_SECONDS } from "../../../../../../src/primitives/store/engine/s3/content/blob-touches.ts";
import { ContentKeys } from "../../../../../../src/primitives/store/engine/s3/content/content-keys.ts";
import { PART_BYTES } from "../../../../../../src/primitives/store/engine/s3/content/part-memory.ts";
import { eventually } from "../../../../../support/eventually.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { contentNode } from "../../../../../support/s3-content.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { STORE } from "../../../contract/engines.ts";

describeWith(["versitygw"], "blobs in a bucket", () => {
  const nextLocation = sharedS3Server();

  describe("with a cache directory", () => {
    test("are read from the store until they are hot, and then from files, also while the store is away", async () => {
      const cache = new BlobCache({ dir: temporaryDirectory(), capacity: 100_000_000 });
      const location = nextLocation();
      const node = await contentNode(location, { cache });
      const bytes = randomBytes(PART_BYTES + 1000);
      const digest = await (await contentNode(location)).push(bytes);
      for (let i = 0; i < 2; i++) {
        const opened = await node.blobs.open(digest);
        expect([opened?.file, opened?.size]).toEqual([undefined, bytes.length]);
      }
      await cache.idle();
      node.client.trouble = () => "lost";
      const opened = await node.blobs.open(digest);
      expect(Buffer.compare(Buffer.from((await opened?.file?.bytes()) ?? []), bytes)).toBe(0);
      const range = await Bun.readableStreamToBytes(
        opened?.stream({ first: 5, last: 8 }) ?? new Blob().stream(),
      );
      expect(range).toEqual(new Uint8Array(bytes.slice(5, 9)));
      expect((await node.blobs.stat(digest))?.size).toBe(bytes.length);
    });

    test("are gone from it when they are removed", async () => {
      const cache = new BlobCache({ dir: temporaryDirectory(), capacity: 100_000_000 });
      const node = await contentNode(nextLocation(), { cache });
      const digest = await node.push(randomBytes(100_000));
      for (let i = 0; i < 2; i++) await node.blobs.open(digest);
      await cache.idle();
      expect(cache.get(digest)?.size).toBe(100_000);
      expect(await node.blobs.remove(digest, () => true)).toBe(true);
      expect([cache.get(digest), await node.blobs.open(digest)]).toEqual([undefined, undefined]);
    });
  });

  test("that the node has just made need no request before a manifest names them, nor a trace, until they are removed", async () => {
    const location = nextLocation();
    const memory = PlacedBlobs.memory();
    const thread = () =>
      contentNode(location, { minGraceSeconds: MIN_GRACE_SECONDS, placed: new PlacedBlobs(STORE, memory) });
    const [one, other] = [await thread(), await thread()];
    const digest = await one.push(randomBytes(5000));
    const before = other.client.requests;
    await other.blobs.touch?.(digest);
    expect([(await other.blobs.stat(digest))?.size, other.client.requests - before]).toEqual([5000, 0]);
    expect(await other.blobs.remove(digest, () => true)).toBe(true);
    expect(await one.blobs.stat(digest)).toBeUndefined();
    await one.blobs.touch?.(digest);
    expect(await other.blobs.wasTouchedWithin?.(60, digest)).toBe(true);
  });

  test("whose object does not list their bytes any more are damaged, and a new push heals them", async () => {
    const node = await contentNode(nextLocation());
    const bytes = randomBytes(2 * PART_BYTES + 10);
    const digest = await node.push(bytes);
    const key = new ContentKeys(STORE).blob(digest);
    const bucket = node.client.bucket();
    const { metadata = {} } = (await bucket.head(key)) ?? {};
    await bucket.put(key, new Uint8Array(Buffer.from("{\n")), { metadata: { ...metadata, data: "list" } });
    expect(await node.blobs.check(digest)).toBe("damaged");
    expect(await node.blobs.explain?.(digest)).toBe(
      `${key} is damaged: it does not list where the bytes of the blob are`,
    );
    expect(await node.blobs.verify(digest)).toBe("damaged");
    expect(await node.blobs.verify(digest)).toBe("missing");
    await node.push(bytes);
    expect(await node.blobs.verify(digest)).toBe("sound");
  });

  test("above a size have an address at which the store gives them, whole and in ranges, to anyone", async () => {
    const node = await contentNode(nextLocation(), { redirectAbove: 50_000 });
    const [small, ...large] = [randomBytes(50_000), randomBytes(60_000), randomBytes(2 * PART_BYTES + 10)];
    expect((await node.blobs.open(await node.push(small ?? new Uint8Array())))?.redirect).toBeUndefined();
    for (const bytes of large) {
      const opened = await node.blobs.open(await node.push(bytes));
      const url = (await opened?.redirect?.()) ?? "";
      const whole = new Uint8Array(await (await fetch(url)).arrayBuffer());
      expect(Buffer.compare(whole, bytes)).toBe(0);
      const part = await fetch(url, { headers: { Range: "bytes=3-6" } });
      expect([part.status, new Uint8Array(await part.arrayBuffer())]).toEqual([
        206,
        new Uint8Array(bytes.slice(3, 7)),
      ]);
      expect(new URL(url).searchParams.get("X-Amz-Expires")).toBe("300");
      expect((await fetch(url.replace(/Signature=\w+/, `Signature=${"0".repeat(64)}`))).status).toBe(403);
    }
  });

  test("have addresses that are valid from now on by the clock of the store, whatever that of the node is", async () => {
    const node = await contentNode(nextLocation(), { redirectAbove: 1 });
    const opened = await node.blobs.open(await node.push(randomBytes(PART_BYTES * 2)));
    node.client.aheadMs = 7_200_000;
    const signed = new URL((await opened?.redirect?.()) ?? "").searchParams.get("X-Amz-Date") ?? "";
    const ahead = Date.parse(signed.replace(/(....)(..)(..T..)(..)(..Z)/, "$1-$2-$3:$4:$5")) - Date.now();
    expect(Math.abs(ahead - 7_200_000)).toBeLessThan(60_000);
  });

  for (const way of ["stream", "body"] as const) {
    test(`that the store breaks off in the middle are read on from there (${way})`, async () => {
      const node = await contentNode(nextLocation());
      const bytes = randomBytes(3_000_000);
      const digest = await node.push(bytes);
      let cut = 2;
      node.client.respond = (response) => {
        const { reader } = response;
        if (!reader || cut-- <= 0) return response;
        let sent = 0;
        const read = async () => {
          if (sent > 100_000) throw new Error("the connection was reset");
          const piece = await reader.read();
          sent += piece.value?.length ?? 0;
          return piece;
        };
        return { ...response, reader: { read, cancel: () => reader.cancel() } };
      };
      const opened = await node.blobs.open(digest);
      const read = await received(opened?.[way]?.() ?? new Blob().stream());
      expect(Buffer.compare(read, bytes)).toBe(0);
      expect(cut).toBeLessThan(0);
    });
  }

  test("are read as fast as the client takes them, and no further once it has left", async () => {
    const node = await contentNode(nextLocation());
    const digest = await node.push(new Uint8Array(64 * 1024 * 1024));
    let read = 0;
    node.client.respond = (response) => {
      const { reader } = response;
      if (!reader) return response;
      const counted = async () => {
        const piece = await reader.read();
        read += piece.value?.length ?? 0;
        return piece;
      };
      return { ...response, reader: { read: counted, cancel: () => reader.cancel() } };
    };
    const opened = await node.blobs.open(digest);
    using server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      fetch: () => new Response(opened?.body?.() ?? null),
    });
    const socket = await Bun.connect({
      ...{ hostname: "127.0.0.1", port: server.port ?? 0 },
      socket: {
        open: (client) => {
          client.pause();
          client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        },
        data: () => undefined,
      },
    });
    let [before, same] = [-1, 0];
    const isStill = () => {
      same = read === before ? same + 1 : 0;
      before = read;
      return read > 0 && same > 10;
    };
    // Until the sockets are full.
    expect(await eventually(isStill)).toBe(true);
    expect(read).toBeLessThan(32 * 1024 * 1024);
    socket.terminate();
    const beforeLeaving = read;
    await Bun.sleep(100);
    expect(read - beforeLeaving).toBeLessThan(1024 * 1024);
  });
});

/** What a client gets as the body of a response. */
async function received(body: ReadableStream): Promise<Uint8Array> {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(body) });
  const response = await fetch(server.url);
  return new Uint8Array(await response.arrayBuffer());
}
