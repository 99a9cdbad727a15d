import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { digestHex } from "../../src/primitives/digest.ts";
import type { S3Bucket } from "../../src/primitives/s3/s3-bucket.ts";
import { binary } from "../support/binary.ts";
import { addAlice } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs, startNode } from "../support/s3-cluster.ts";
import { openNodeLog } from "../support/s3-commits.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const BASE = `stores/${STORE}`;

/** Changes an object, and returns what brings it back. */
async function change(bucket: S3Bucket, key: string, bytes?: (sound: Buffer) => Buffer | string) {
  const found = await bucket.read(key);
  if (!found) throw new Error(`there is no ${key}`);
  const { metadata } = found;
  if (bytes)
    await bucket.put(key, new Uint8Array(Buffer.from(bytes(Buffer.from(found.bytes)))), { metadata });
  else await bucket.remove(key);
  return () => bucket.put(key, found.bytes, { metadata });
}

const flipped = (sound: Buffer) => {
  const bytes = Buffer.from(sound);
  bytes[30] = (bytes[30] ?? 0) ^ 1;
  return bytes;
};

async function keysBelow(bucket: S3Bucket, prefix: string): Promise<string[]> {
  const pages = await Array.fromAsync(bucket.list(`${BASE}/${prefix}/`));
  return pages.flat().map(({ key }) => key);
}

describeWith(["versitygw", "ssh", "sshpass"], "everlock fsck of a bucket", () => {
  const bucketFor = sharedS3Server();

  test("finds no damage beside a node, and each damage by its key, writing nothing", async () => {
    const location = bucketFor();
    const bucket = bucketAt(location);
    const node = await startNode(location);
    await addAlice(node);
    const client = new RegistryClient(node.httpPort, "app");
    const small = await client.pushImage("v1");
    const large = await client.pushImage("v2", 3_000_000);
    const log = await openNodeLog(bucket, STORE);
    await log.merge();
    const database = `${temporaryDirectory()}/index`;
    writeFileSync(database, "some bytes of a database");
    await log.saveCopy("index", database);
    await log.close();
    await client.pushImage("v3");
    await client.pushImage("v4");
    const fsck = (...words: string[]) =>
      run([binary(), "fsck", ...words, ...nodeArgs(location)], { cwd: temporaryDirectory(), env: NODE_ENV });

    const sound = await fsck();
    expect([sound.code, sound.stderr]).toEqual([0, ""]);
    expect(sound.stdout).toMatch(/^everlock-oci-local: 4 commits, \d+ objects, 8 blobs: no damage$/m);
    expect(sound.stdout).toMatch(/^everlock-users: 3 commits, \d+ objects: no damage$/m);
    await node.end();

    const keyOf = (digest: Parameters<typeof digestHex>[0]) => {
      const hex = digestHex(digest);
      return `${BASE}/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
    };
    const [data = ""] = await keysBelow(bucket, "data");
    const entries = await keysBelow(bucket, "log");
    const packs = await keysBelow(bucket, "packs");
    const [pack = "", index = ""] = [".pack", ".idx"].map((suffix) =>
      packs.find((key) => key.endsWith(suffix)),
    );
    const [segment = ""] = await keysBelow(bucket, "records");
    const [copy = ""] = await keysBelow(bucket, "copies");
    const gap = entries.at(-2) ?? "";
    const cases: readonly [
      key: string,
      bytes: ((sound: Buffer) => Buffer | string) | undefined,
      problem: string,
    ][] = [
      [keyOf(small.layer), flipped, `blob ${small.layer} is damaged; needed by app:v1`],
      [keyOf(small.layer), undefined, `blob ${small.layer} is missing; needed by app:v1`],
      [data, undefined, `blob ${large.layer} is damaged (${data} is missing); needed by app:v2`],
      [data, flipped, `blob ${large.layer} is damaged; needed by app:v2`],
      [
        data,
        (bytes) => bytes.subarray(0, 1000),
        `blob ${large.layer} is damaged (${data} has 1000 bytes of 3000000); needed by app:v2`,
      ],
      [pack, undefined, `${pack} is damaged: it is gone, and the checkpoint names it`],
      [pack, flipped, `${pack} is damaged`],
      [index, undefined, `${index} is damaged: it is gone, and the checkpoint names it`],
      [segment, undefined, `${segment} is missing, and the checkpoint names it`],
      [segment, flipped, `${segment} is damaged: it does not inflate`],
      [copy, undefined, `${copy} is missing, and the checkpoint names it`],
      [copy, flipped, `${copy} is damaged`],
      [gap, undefined, `${gap} is missing, although ${entries.at(-1)} and perhaps others follow it`],
      [gap, flipped, `the log entry ${gap} is damaged: its content does not match its checksum`],
      [`${BASE}/checkpoint`, () => "{", `can't be opened: the checkpoint ${BASE}/checkpoint is damaged`],
    ];
    for (const [key, bytes, problem] of cases) {
      const restore = await change(bucket, key, bytes);
      const before = await keysOf(bucket);
      const { code, stdout, stderr } = await fsck(STORE);
      expect([problem, code, stderr]).toEqual([problem, 1, "everlock: 1 problem found\n"]);
      expect(stdout).toContain(`${STORE}: ${problem}`);
      expect(await keysOf(bucket)).toEqual(before);
      await restore();
    }
    expect((await fsck(STORE)).code).toBe(0);
  }, 120_000);

  test("says that a bucket holds nothing, and leaves it so", async () => {
    const location = bucketFor();
    const url = `s3://${location.bucket}/${location.prefix}`;
    const fsck = (...words: string[]) =>
      run([binary(), "fsck", ...words, ...nodeArgs(location)], { cwd: temporaryDirectory(), env: NODE_ENV });
    const empty = await fsck();
    expect([empty.code, empty.stderr]).toEqual([1, `everlock: there is nothing of Everlock's in ${url}\n`]);
    expect(await keysOf(bucketAt(location))).toEqual([]);
  });
});

async function keysOf(bucket: S3Bucket): Promise<string[]> {
  return (await Array.fromAsync(bucket.list("")))
    .flat()
    .map(({ key, modified, size }) => `${key} ${modified.getTime()} ${size}`);
}
