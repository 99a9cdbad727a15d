import { expect, test } from "bun:test";
import { checkBucket, checkUsedBucket } from "../../../../../src/primitives/store/engine/s3/bucket-check.ts";
import { putLayout, readLayout } from "../../../../../src/primitives/store/engine/s3/bucket-layout.ts";
import { MemoryS3 } from "../../../../support/memory-s3.ts";

test("the first node marks the bucket, and all nodes get the identity that it wrote", async () => {
  const store = new MemoryS3();
  const identities = await Promise.all([checkBucket(store.bucket()), checkBucket(store.bucket())]);
  expect(identities[1]).toBe(identities[0] as string);
  expect(await checkUsedBucket(store.bucket())).toBe(identities[0] as string);
});

test("a command refuses a bucket that no node has used, and writes nothing to it", async () => {
  const store = new MemoryS3();
  await expect(checkUsedBucket(store.bucket())).rejects.toThrow(
    "there is nothing of Everlock's in s3://everlock",
  );
  expect(store.objects.size).toBe(0);
});

test("nodes and commands refuse a bucket with an unfinished copy, and say how it is resumed", async () => {
  const store = new MemoryS3();
  const bucket = store.bucket();
  await putLayout(bucket, { id: "1", copying: { from: "/var/lib/everlock", by: "a" } });
  const words =
    "s3://everlock has a copy of /var/lib/everlock that is not finished; 'everlock storage copy /var/lib/everlock s3://everlock' resumes it";
  await expect(checkBucket(bucket)).rejects.toThrow(words);
  await expect(checkUsedBucket(bucket)).rejects.toThrow(words);
  const layout = await readLayout(bucket);
  await putLayout(bucket, { id: "1", copying: undefined }, layout);
  expect(await checkBucket(bucket)).toBe("1");
});

test("a bucket whose mark is no mark, or that of a newer version, is refused", async () => {
  const bucket = new MemoryS3().bucket();
  await bucket.put("everlock.json", new Uint8Array(Buffer.from("hello")));
  await expect(checkBucket(bucket)).rejects.toThrow(
    "s3://everlock/everlock.json is not a file of Everlock's",
  );
  await bucket.put("everlock.json", new Uint8Array(Buffer.from('{"format":2,"id":"x"}')));
  await expect(checkBucket(bucket)).rejects.toThrow("newer version of Everlock");
});
