import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { S3Bucket } from "../../../../../../src/primitives/s3/s3-bucket.ts";
import { nameObject } from "../../../../../../src/primitives/store/git/object.ts";
import { randomBytes } from "../../../../../support/random-bytes.ts";
import { openNodeLog } from "../../../../../support/s3-commits.ts";
import { bucketAt, sharedS3Server } from "../../../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";
import { describeWith } from "../../../../../support/tools.ts";

const NAME = "index-1";

async function mergedLog(bucket: S3Bucket) {
  const log = await openNodeLog(bucket, "app");
  await log.put([nameObject("blob", randomBytes(10))]);
  await log.merge();
  return log;
}

function fileOf(bytes: Uint8Array): string {
  const path = `${temporaryDirectory()}/index.sqlite`;
  writeFileSync(path, bytes);
  return path;
}

async function keysOf(bucket: S3Bucket): Promise<string[]> {
  return (await Array.fromAsync(bucket.list("stores/app/copies/"))).flat().map(({ key }) => key);
}

describeWith(["versitygw"], "copies of derived databases", () => {
  const nextLocation = sharedS3Server();

  test.each([0, 1000, 21_000_000])("of %d bytes are brought to a node that starts", async (size) => {
    const location = nextLocation();
    const log = await mergedLog(bucketAt(location));
    const path = fileOf(randomBytes(size));
    await log.saveCopy(NAME, path);
    const other = await openNodeLog(bucketAt(location), "app");
    const to = `${temporaryDirectory()}/index.sqlite`;
    expect(await other.fetchCopy(NAME, to)).toBe(true);
    expect(Buffer.compare(readFileSync(to), readFileSync(path))).toBe(0);
    expect(await other.fetchCopy("index-2", `${to}-2`)).toBe(false);
    expect(existsSync(`${to}-2`)).toBe(false);
  });

  test("of earlier versions are referred to no more once one of a later version is there, and those of others are", async () => {
    const log = await mergedLog(bucketAt(nextLocation()));
    for (const name of ["index-9", "history-1", "index-10"])
      await log.saveCopy(name, fileOf(Buffer.from(name)));
    const has = async (name: string) => log.fetchCopy(name, `${temporaryDirectory()}/copy`);
    expect([await has("index-9"), await has("index-10"), await has("history-1")]).toEqual([
      false,
      true,
      true,
    ]);
    // A node that is not updated yet.
    await log.saveCopy("index-9", fileOf(Buffer.from("again")));
    expect([await has("index-9"), await has("index-10")]).toEqual([true, true]);
  });

  test("stay with the checkpoints of later merges", async () => {
    const location = nextLocation();
    const log = await mergedLog(bucketAt(location));
    await log.saveCopy(NAME, fileOf(Buffer.from("first")));
    await log.put([nameObject("blob", randomBytes(10))]);
    await log.merge();
    await log.saveCopy(NAME, fileOf(Buffer.from("second")));
    await log.put([nameObject("blob", randomBytes(10))]);
    await log.merge();
    const to = `${temporaryDirectory()}/index.sqlite`;
    expect(await (await openNodeLog(bucketAt(location), "app")).fetchCopy(NAME, to)).toBe(true);
    expect(readFileSync(to, "utf8")).toBe("second");
  });

  test("that are damaged, cut off or gone are not used, and leave no file", async () => {
    const location = nextLocation();
    const bucket = bucketAt(location);
    const log = await mergedLog(bucket);
    await log.saveCopy(NAME, fileOf(randomBytes(100_000)));
    const [key = ""] = await keysOf(bucket);
    const whole = (await bucket.read(key))?.bytes ?? new Uint8Array();
    const flipped = whole.map((byte, i) => (i === 50_000 ? byte ^ 1 : byte));
    const dir = temporaryDirectory();
    for (const bytes of [flipped, whole.slice(0, 50_000), whole.slice(0, -1), new Uint8Array()]) {
      await bucket.put(key, bytes);
      expect(await log.fetchCopy(NAME, `${dir}/index.sqlite`)).toBe(false);
    }
    await bucket.remove(key);
    expect(await log.fetchCopy(NAME, `${dir}/index.sqlite`)).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("are due once there are many objects, and again after more the larger they are", async () => {
    const log = await openNodeLog(bucketAt(nextLocation()), "app");
    const append = (count: number) =>
      log.put(Array.from({ length: count }, () => nameObject("blob", randomBytes(10))));
    await append(4999);
    await log.merge();
    expect(log.isCopyDue(NAME)).toBe(false);
    await append(1);
    expect(log.isCopyDue(NAME)).toBe(true);
    await log.saveCopy(NAME, fileOf(randomBytes(6_000_000)));
    await append(5500);
    expect(log.isCopyDue(NAME)).toBe(false);
    await append(600);
    expect(log.isCopyDue(NAME)).toBe(true);
  });

  test("whose lease is lost while they are made are not referred to", async () => {
    const bucket = bucketAt(nextLocation());
    const log = await mergedLog(bucket);
    const lost = () => {
      throw new Error("the lease is lost");
    };
    await expect(log.saveCopy(NAME, fileOf(randomBytes(1000)), lost)).rejects.toThrow("the lease is lost");
    expect(await log.fetchCopy(NAME, `${temporaryDirectory()}/index.sqlite`)).toBe(false);
    expect(await keysOf(bucket)).toEqual([]);
  });
});
