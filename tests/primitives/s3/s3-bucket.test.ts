import { expect, test } from "bun:test";
import type { S3Bucket } from "../../../src/primitives/s3/s3-bucket.ts";
import { S3Client } from "../../../src/primitives/s3/s3-client.ts";
import { S3Multipart } from "../../../src/primitives/s3/s3-multipart.ts";
import { probeConditions } from "../../../src/primitives/s3/s3-probe.ts";
import { bucketAt, startS3Server, TEST_KEYS } from "../../support/s3-server.ts";
import { describeWith } from "../../support/tools.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (read: { readonly bytes: Uint8Array } | undefined) => read && Buffer.from(read.bytes).toString();

async function keysOf(bucket: S3Bucket, prefix: string, after?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of bucket.list(prefix, after)) keys.push(...page.map(({ key }) => key));
  return keys;
}

describeWith(["versitygw"], "a bucket", () => {
  test("returns what was put, with size, metadata and time, whole and in ranges", async () => {
    const bucket = bucketAt(await startS3Server());
    expect(await bucket.read("a/b")).toBeUndefined();
    expect(await bucket.head("a/b")).toBeUndefined();
    const put = await bucket.put("a/b", bytes("0123456789"), { metadata: { kind: "test" } });
    expect(put.kind).toBe("stored");
    expect(text(await bucket.read("a/b"))).toBe("0123456789");
    const head = await bucket.head("a/b");
    expect(head).toMatchObject({ size: 10, metadata: { kind: "test" } });
    expect(Math.abs((head?.modified.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const range = { first: 2, last: 4 };
    const opened = await bucket.open("a/b", range);
    const { value } = (await opened?.reader.read()) ?? {};
    expect([opened?.size, Buffer.from(value ?? []).toString()]).toEqual([10, "234"]);
    expect(await opened?.reader.read()).toMatchObject({ done: true });
    expect(text(await bucket.read("a/b", range))).toBe("234");
    expect(await bucket.open("a/c", range)).toBeUndefined();
    await bucket.remove("a/b");
    await bucket.remove("a/b");
    expect(await bucket.read("a/b")).toBeUndefined();
  });

  test("keeps keys with unusual characters apart", async () => {
    const bucket = bucketAt(await startS3Server());
    const keys = ["a b+c", "a%20b", "ä/ö", "q?x=1&y", "~'()!*"];
    for (const key of keys) await bucket.put(key, bytes(key));
    for (const key of keys) expect([key, text(await bucket.read(key))]).toEqual([key, key]);
    expect((await keysOf(bucket, "")).toSorted()).toEqual(keys.toSorted());
  });

  test("lists in the order of keys, from a key on, by directory, and deletes many at once", async () => {
    const bucket = bucketAt(await startS3Server());
    for (let i = 0; i < 30; i++) await bucket.put(`log/${String(i).padStart(4, "0")}`, bytes("x"));
    await bucket.put("stores/a/x", bytes("x"));
    await bucket.put("stores/b/x", bytes("x"));
    expect(await keysOf(bucket, "log/", "log/0026")).toEqual(["log/0027", "log/0028", "log/0029"]);
    expect(await Array.fromAsync(bucket.listDirectories("stores/"))).toEqual(["a", "b"]);
    await bucket.removeAll(await keysOf(bucket, "log/"));
    expect(await keysOf(bucket, "")).toEqual(["stores/a/x", "stores/b/x"]);
  });

  test("lets one of many writers create an object, and one of many change a version", async () => {
    const bucket = bucketAt(await startS3Server());
    const create = (i: number) => bucket.put("one", bytes(String(i)), { condition: { absent: true } });
    const created = await Promise.all(Array.from({ length: 16 }, (_, i) => create(i)));
    expect(created.filter(({ kind }) => kind === "stored")).toHaveLength(1);
    const winner = created.findIndex(({ kind }) => kind === "stored");
    expect(text(await bucket.read("one"))).toBe(String(winner));
    const { etag = "" } = (await bucket.head("one")) ?? {};
    const change = (i: number) => bucket.put("one", bytes(`next ${i}`), { condition: { etag } });
    const changed = await Promise.all(Array.from({ length: 16 }, (_, i) => change(i)));
    expect(changed.filter(({ kind }) => kind === "stored")).toHaveLength(1);
    expect(await bucket.put("none", bytes("x"), { condition: { etag } })).toEqual({ kind: "refused" });
  });

  test("makes an object of parts only once it is completed, and once", async () => {
    const bucket = bucketAt(await startS3Server());
    const multipart = new S3Multipart(bucket);
    const upload = await multipart.start("large", { kind: "parts" });
    const parts = [new Uint8Array(5 * 1024 * 1024).fill(1), new Uint8Array(100).fill(2)];
    const put = await Promise.all(parts.map((part, i) => multipart.putPart(upload, i + 1, part)));
    expect(await bucket.head("large")).toBeUndefined();
    expect((await multipart.list("large")).map(({ key, id }) => [key, id])).toEqual([["large", upload.id]]);
    const stored = put.flatMap((part) => part ?? []);
    expect((await multipart.complete(upload, stored, { absent: true })).kind).toBe("stored");
    expect((await bucket.head("large"))?.size).toBe(5 * 1024 * 1024 + 100);
    expect(["gone", "stored"]).toContain((await multipart.complete(upload, stored)).kind);
    const never = { key: "other", id: crypto.randomUUID() };
    expect(await multipart.complete(never, stored)).toEqual({ kind: "gone" });
    const second = await multipart.start("large");
    const again = await multipart.putPart(second, 1, new Uint8Array(3));
    expect(await multipart.complete(second, again ? [again] : [], { absent: true })).toEqual({
      kind: "refused",
    });
    await multipart.abort(second);
    await multipart.abort(second);
    expect(await multipart.putPart(second, 1, new Uint8Array(3))).toBeUndefined();
    expect(await multipart.list("")).toEqual([]);
  });

  test("passes the probe of conditional writes, which leaves nothing behind", async () => {
    const bucket = bucketAt(await startS3Server());
    await probeConditions(bucket);
    expect(await keysOf(bucket, "")).toEqual([]);
  });

  test.each([
    ["a bucket that does not exist", { bucket: "nowhere" }, {}, "the bucket 'nowhere' does not exist"],
    ["an unknown access key", {}, { accessKeyId: "other" }, "it does not know the access key"],
    ["a wrong secret key", {}, { secretAccessKey: "other" }, "the secret key is wrong"],
  ])("refuses %s in words", async (_, place, keys, words) => {
    const location = { ...(await startS3Server()), ...place };
    const client = new S3Client(location, () => ({ ...TEST_KEYS, ...keys }));
    const read = client.send({ method: "GET", key: "x", isRepeatable: true });
    await expect(read).rejects.toThrow(`the object store ${location.endpoint} refuses the request: ${words}`);
  });
});
