import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { scopeHash } from "../../../../src/primitives/store/engine/upload-id.ts";
import { bodyOf } from "../../../support/body-of.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { type ContentUnderTest, openContent, SCOPE } from "./engines.ts";

const HOUR_MS = 60 * 60 * 1000;
/** Everything is older than this. */
const ANY_AGE_MS = -HOUR_MS;

async function* brokenOff(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* bodyOf(bytes);
  throw new Error("the connection was closed");
}

export function describeUploads({
  name,
  create,
}: {
  readonly name: string;
  readonly create: () => ContentUnderTest;
}): void {
  describe(`uploads of the engine '${name}'`, () => {
    test("begin empty, and are those of their scope alone", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const { id } = await begin("sha512");
      expect(await uploads.find(id, SCOPE)).toMatchObject({ id, algorithm: "sha512", size: 0 });
      expect(await uploads.find(id, "team/other")).toBeUndefined();
      expect(await uploads.list()).toMatchObject([{ id, scope: scopeHash(SCOPE), size: 0 }]);
    });

    test.each(["sha256", "sha512"] as const)(
      "in several chunks become a blob by %s, once",
      async (algorithm) => {
        const { uploads, blobs, begin } = await openContent(create().engine);
        const bytes = randomBytes(300_000);
        for (const added of [bytes.length, 0]) {
          const { id } = await begin(algorithm);
          for (const chunk of [bytes.slice(0, 1000), bytes.slice(1000)]) {
            const upload = await uploads.find(id, SCOPE);
            if (!upload) throw new Error("the session is gone");
            expect((await uploads.append(upload, bodyOf(chunk))).kind).toBe("appended");
          }
          const upload = await uploads.find(id, SCOPE);
          if (!upload) throw new Error("the session is gone");
          const digest = digestOf(bytes, algorithm);
          expect(await uploads.finish(upload, digest)).toEqual({ kind: "stored", size: bytes.length, added });
          expect(await blobs.read(digest)).toEqual(new Uint8Array(bytes));
          expect([await uploads.find(id, SCOPE), await uploads.list()]).toEqual([undefined, []]);
        }
      },
    );

    test("whose bytes have another digest than the client said stay as they are", async () => {
      const { uploads, blobs, begin } = await openContent(create().engine);
      const upload = await begin();
      const bytes = randomBytes(100);
      await uploads.append(upload, bodyOf(bytes));
      const filled = { ...upload, size: 100 };
      const wrong = digestOf(Buffer.from("wrong"));
      expect(await uploads.finish(filled, wrong)).toEqual({ kind: "mismatch", actual: digestOf(bytes) });
      expect([await blobs.stat(wrong), (await uploads.find(upload.id, SCOPE))?.size]).toEqual([
        undefined,
        100,
      ]);
      expect((await uploads.finish(filled, digestOf(bytes))).kind).toBe("stored");
    });

    test("whose body breaks off keep what came, and go on from there", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const upload = await begin();
      const [first, second] = [randomBytes(100), randomBytes(200)];
      expect(await uploads.append(upload, brokenOff(first))).toEqual({ kind: "interrupted" });
      const found = await uploads.find(upload.id, SCOPE);
      expect(found?.size).toBe(100);
      await uploads.append({ ...upload, size: 100 }, bodyOf(second));
      const digest = digestOf(Buffer.concat([first, second]));
      expect((await uploads.finish({ ...upload, size: 300 }, digest)).kind).toBe("stored");
    });

    test("are gone on with after a kill from where they were acknowledged", async () => {
      const storage = create();
      const before = await openContent(storage.engine);
      const upload = await before.begin();
      const [first, second] = [randomBytes(5000), randomBytes(300)];
      await before.uploads.append(upload, bodyOf(first));
      const { uploads } = await openContent(storage.afterKill());
      const found = await uploads.find(upload.id, SCOPE);
      expect(found?.size).toBe(5000);
      if (!found) return;
      await uploads.append(found, bodyOf(second));
      const digest = digestOf(Buffer.concat([first, second]));
      expect((await uploads.finish({ ...found, size: 5300 }, digest)).kind).toBe("stored");
    });

    test("that are rewound hold what they held when they were found", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const upload = await begin();
      const [first, last] = [randomBytes(100), randomBytes(50)];
      await uploads.append(upload, bodyOf(first));
      const acknowledged = { ...upload, size: 100 };
      await uploads.append(acknowledged, bodyOf(last), true);
      await uploads.rewind(acknowledged);
      expect((await uploads.find(upload.id, SCOPE))?.size).toBe(100);
      expect((await uploads.finish(acknowledged, digestOf(first))).kind).toBe("stored");
      // It has become a blob: nothing is left to be taken back.
      await uploads.rewind(acknowledged);
    });

    test("that are cancelled are gone, also when that is done twice", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const upload = await begin();
      expect([await uploads.cancel(upload), await uploads.cancel(upload)]).toEqual([true, false]);
      expect([await uploads.find(upload.id, SCOPE), await uploads.list()]).toEqual([undefined, []]);
    });

    test("that are cancelled end the request that appends to them, however long its body is", async () => {
      const { uploads, blobs, begin } = await openContent(create().engine);
      const upload = await begin();
      const bytes = randomBytes(100);
      const begun = Promise.withResolvers<void>();
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) {
          // A buffer of its own: the store frees what it has written.
          yield bytes.slice();
          begun.resolve();
          await Bun.sleep(1);
        }
      }
      const appended = uploads.exclusively(upload.id, () => uploads.append(upload, endless()));
      await begun.promise;
      expect(await uploads.cancel(upload)).toBe(true);
      expect(await appended).toEqual({ kind: "cancelled" });
      expect(await uploads.append(upload, bodyOf(bytes))).toEqual({ kind: "cancelled" });
      expect(await uploads.finish({ ...upload, size: 100 }, digestOf(bytes))).toEqual({ kind: "cancelled" });
      expect([await uploads.list(), await blobs.stat(digestOf(bytes))]).toEqual([[], undefined]);
    });

    test("that are cancelled between the last bytes and the end make no blob", async () => {
      const { uploads, blobs, begin } = await openContent(create().engine);
      const upload = await begin();
      const bytes = randomBytes(100);
      expect((await uploads.append(upload, bodyOf(bytes), true)).kind).toBe("appended");
      expect(await uploads.cancel(upload)).toBe(true);
      expect(await uploads.finish({ ...upload, size: 100 }, digestOf(bytes))).toEqual({ kind: "cancelled" });
      expect(await blobs.stat(digestOf(bytes))).toBeUndefined();
    });

    test("that are cancelled and finished at once are a blob or cancelled, not both", async () => {
      const { uploads, blobs, begin } = await openContent(create().engine);
      for (let round = 0; round < 20; round++) {
        const upload = await begin();
        const bytes = randomBytes(100);
        await uploads.append(upload, bodyOf(bytes), true);
        const finishing = uploads.finish({ ...upload, size: 100 }, digestOf(bytes));
        for (let turn = 0; turn < round % 5; turn++) await Promise.resolve();
        const isCancelled = await uploads.cancel(upload);
        expect((await finishing).kind).toBe(isCancelled ? "cancelled" : "stored");
        expect((await blobs.stat(digestOf(bytes))) === undefined).toBe(isCancelled);
      }
    });

    test("are worked on by one request at a time", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const [{ id }, other] = [await begin(), await begin()];
      const outcome = await uploads.exclusively(id, async () => [
        await uploads.exclusively(id, async () => "both"),
        await uploads.exclusively(other.id, async () => "another session"),
      ]);
      expect(outcome).toEqual(["busy", "another session"]);
      const failing = uploads.exclusively(id, async () => {
        throw new Error("the request failed");
      });
      await expect(failing).rejects.toThrow("the request failed");
      expect(await uploads.exclusively(id, async () => "free")).toBe("free");
    });

    test("expire when they are old, empty ones sooner, and none that a request works on", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const [empty, held, busy] = [await begin(), await begin(), await begin()];
      await uploads.append(held, bodyOf(randomBytes(10)));
      expect(await uploads.expire(HOUR_MS)).toBe(0);
      const concerns = (id: string) => id !== busy.id;
      expect(await uploads.expire(HOUR_MS, { emptyAfterMs: ANY_AGE_MS, concerns })).toBe(1);
      expect(await uploads.find(empty.id, SCOPE)).toBeUndefined();
      await uploads.exclusively(busy.id, async () => {
        expect(await uploads.expire(ANY_AGE_MS)).toBe(1);
      });
      expect((await uploads.list()).map(({ id }) => id)).toEqual([busy.id]);
    });

    test("of fetches expire sooner than those of clients", async () => {
      const { uploads, begin } = await openContent(create().engine);
      const client = await begin();
      const id = await uploads.create(SCOPE, "sha256", "fetch");
      if (typeof id !== "string") throw new Error("there is no room for a session");
      for (const session of [client.id, id]) {
        const upload = await uploads.find(session, SCOPE);
        if (upload) await uploads.append(upload, bodyOf(randomBytes(10)));
      }
      expect(await uploads.expire(HOUR_MS)).toBe(0);
      expect(await uploads.expire(HOUR_MS, { fetchAfterMs: ANY_AGE_MS })).toBe(1);
      expect((await uploads.list()).map((each) => each.id)).toEqual([client.id]);
    });

    test("are limited for each owner, until one ends", async () => {
      const limits = { user: 10, network: 2, all: 100 };
      const { uploads, begin } = await openContent(create().engine, limits);
      const [first] = [await begin(), await begin()];
      expect(await uploads.create(SCOPE, "sha256")).toEqual({ of: "network", limit: 2 });
      await uploads.cancel(first);
      expect(typeof (await uploads.create(SCOPE, "sha256"))).toBe("string");
    });
  });
}
