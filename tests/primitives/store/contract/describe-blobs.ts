import { describe, expect, test } from "bun:test";
import {
  DIGEST_ALGORITHMS,
  digestAlgorithm,
  digestHex,
  digestOf,
} from "../../../../src/primitives/digest.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { type ContentUnderTest, openContent } from "./engines.ts";

const bytesOf = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => Bun.readableStreamToBytes(stream);

export function describeBlobs({
  name,
  create,
}: {
  readonly name: string;
  readonly create: () => ContentUnderTest;
}): void {
  describe(`blobs of the engine '${name}'`, () => {
    test("that are absent are undefined, missing or not removed, and no error", async () => {
      const { blobs, damaged } = await openContent(create().engine);
      const digest = digestOf(Buffer.from("absent"));
      expect([await blobs.stat(digest), await blobs.open(digest), await blobs.read(digest)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect([await blobs.check(digest), await blobs.verify(digest)]).toEqual(["missing", "missing"]);
      expect(await blobs.remove(digest, () => true)).toBe(false);
      expect([await Array.fromAsync(blobs.list()), damaged]).toEqual([[], []]);
    });

    test.each(DIGEST_ALGORITHMS)(
      "by %s are read whole, or a range of them, as they were pushed",
      async (algorithm) => {
        const { blobs, push } = await openContent(create().engine);
        for (const bytes of [randomBytes(100_000), new Uint8Array()]) {
          const digest = await push(bytes, algorithm);
          expect(await blobs.stat(digest)).toMatchObject({ size: bytes.length, isSealed: true });
          expect(await blobs.read(digest)).toEqual(new Uint8Array(bytes));
          const opened = await blobs.open(digest);
          if (!opened) throw new Error("the blob is absent");
          expect(opened.size).toBe(bytes.length);
          expect(await bytesOf(opened.stream())).toEqual(new Uint8Array(bytes));
          if (opened.file) expect(await opened.file.bytes()).toEqual(new Uint8Array(bytes));
          if (bytes.length === 0) continue;
          const range = await bytesOf(opened.stream({ first: 10, last: 19 }));
          expect(range).toEqual(new Uint8Array(bytes.slice(10, 20)));
        }
      },
    );

    test("that were finished are there after a kill", async () => {
      const storage = create();
      const { push } = await openContent(storage.engine);
      const digest = await push(randomBytes(5000));
      const { blobs } = await openContent(storage.afterKill());
      expect(await blobs.verify(digest)).toBe("sound");
    });

    test("are listed once each, by algorithm and first two digits", async () => {
      const { blobs, push } = await openContent(create().engine);
      const pushed = await Promise.all(
        Array.from({ length: 60 }, (_, i) => push(randomBytes(20), i % 2 ? "sha256" : "sha512")),
      );
      const pages = await Array.fromAsync(blobs.list());
      expect(pages.flat().sort()).toEqual(pushed.toSorted());
      const places = pages.flat().map((digest) => {
        const algorithm = DIGEST_ALGORITHMS.indexOf(digestAlgorithm(digest));
        return `${algorithm} ${digestHex(digest).slice(0, 2)}`;
      });
      expect(places).toEqual(places.toSorted());
    });

    test("are out of sight before a removal asks whether they are needed", async () => {
      const { blobs, push } = await openContent(create().engine);
      const bytes = randomBytes(100);
      const digest = await push(bytes);
      expect(await blobs.remove(digest, () => false)).toBe(false);
      expect(await blobs.read(digest)).toEqual(new Uint8Array(bytes));
      let seen: unknown = "not looked for";
      const looking = async () => {
        seen = await blobs.stat(digest);
        return true;
      };
      expect(await blobs.remove(digest, looking)).toBe(true);
      expect(seen).toBeUndefined();
      expect(await blobs.stat(digest)).toBeUndefined();
      expect(await Array.fromAsync(blobs.list())).toEqual([]);
    });

    test("that are damaged are set aside and reported once, and a new push heals them", async () => {
      const storage = create();
      const { blobs, push, damaged } = await openContent(storage.engine);
      const bytes = randomBytes(1000);
      const digest = await push(bytes);
      await storage.damage(digest);
      expect(await blobs.check(digest)).toBe("damaged");
      expect([damaged, (await blobs.stat(digest))?.size]).toEqual([[], 1000]);
      expect(await blobs.verify(digest)).toBe("damaged");
      expect(await blobs.verify(digest)).toBe("missing");
      expect([damaged, await blobs.stat(digest)]).toEqual([[digest], undefined]);
      await push(bytes);
      expect(await blobs.check(digest)).toBe("sound");
      await storage.damage(digest);
      expect(await blobs.read(digest)).toBeUndefined();
      expect(damaged).toEqual([digest, digest]);
    });

    test("are hashed until a step throws, and stay as they were", async () => {
      const { blobs, push } = await openContent(create().engine);
      const digest = await push(randomBytes(10_000));
      const stop = () => {
        throw new Error("enough");
      };
      await expect(blobs.verify(digest, stop)).rejects.toThrow("enough");
      expect(await blobs.verify(digest)).toBe("sound");
    });
  });
}
