import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Digest } from "../../src/primitives/digest.ts";
import type { S3Location } from "../../src/primitives/s3/s3-location.ts";
import { binary } from "../support/binary.ts";
import { blobPath, filledDirectory } from "../support/data-directory.ts";
import { flipBit } from "../support/flipped-bit.ts";
import { freePort } from "../support/free-port.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { NODE_ENV, nodeArgs } from "../support/s3-cluster.ts";
import { bucketAt, sharedS3Server } from "../support/s3-server.ts";
import { describeWithSmallDisks, smallDisk } from "../support/small-disk.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith, type RunResult, run } from "../support/tools.ts";

const urlOf = ({ bucket, prefix }: S3Location) => `s3://${bucket}/${prefix}`;
const newDirectory = () => `${temporaryDirectory()}/data`;

interface CopyOptions {
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
}

/** `from` and `to`: directories, or buckets. */
function commandOf(from: S3Location | string, to: S3Location | string, flags: readonly string[] = []) {
  const place = (at: S3Location | string) => (typeof at === "string" ? at : urlOf(at));
  const bucket = [to, from].find((at) => typeof at !== "string");
  const endpoint = bucket ? ["--storage-endpoint", bucket.endpoint] : [];
  return [binary(), "storage", "copy", place(from), place(to), ...endpoint, ...flags];
}

function copy(
  from: S3Location | string,
  to: S3Location | string,
  { flags, env }: CopyOptions = {},
): Promise<RunResult> {
  return run(commandOf(from, to, flags), { cwd: temporaryDirectory(), env: { ...NODE_ENV, ...env } });
}

async function mustCopy(from: S3Location | string, to: S3Location | string): Promise<void> {
  const { code, stderr } = await copy(from, to);
  expect([stderr, code]).toEqual(["", 0]);
}

const serve = (flags: readonly string[]) =>
  run([binary(), "serve", "--no-frontend-http", "--frontend-ssh-listen", "127.0.0.1:0", ...flags], {
    cwd: temporaryDirectory(),
    env: NODE_ENV,
  });

/** Every image of a storage, pulled from a server on it. */
async function pullAll(flags: readonly string[], images = IMAGES): Promise<void> {
  const file = `${temporaryDirectory()}/credentials`;
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = NODE_ENV;
  writeFileSync(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`);
  const keys = flags.includes("--storage") ? ["--storage-credentials", file] : [];
  const { httpPort, server } = await startTestServer([...flags, ...keys]);
  const client = new RegistryClient(httpPort, "app");
  for (let i = 0; i < images; i++) await client.verifyImage(`v${i}`);
  await server.stop();
}

/** Starts a command and kills it once `isTime`, or when it is over. */
async function killOnce(command: readonly string[], isTime: () => Promise<boolean>): Promise<void> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...NODE_ENV },
    stdout: "ignore",
    stderr: "ignore",
  });
  let isOver = false;
  void child.exited.then(() => {
    isOver = true;
  });
  while (!isOver && !(await isTime())) await Bun.sleep(1);
  child.kill("SIGKILL");
  await child.exited;
}

/** How many blobs a copy has brought to a bucket. */
async function blobsIn(location: S3Location): Promise<number> {
  const pages = await Array.fromAsync(bucketAt(location).list("stores/everlock-oci-local/blobs/"));
  return pages.flat().length;
}

/** A data directory of a stopped server with so many images, the same for all tests. */
const IMAGES = 30;
const filled = mkdtempSync(`${tmpdir()}/everlock-filled-`);
const [source, layers] = [`${filled}/data`, [] as Digest[]];
beforeAll(async () => {
  const made = await filledDirectory(IMAGES, { layerBytes: 200_000 });
  cpSync(made.dataDir, source, { recursive: true });
  layers.push(...made.layers);
});
afterAll(() => rmSync(filled, { recursive: true, force: true }));

describeWith(["versitygw", "git"], "'everlock storage copy'", () => {
  const bucket = sharedS3Server();

  test("killed at any moment leaves a bucket that no node starts on, and the next run finishes it", async () => {
    let kills = 0;
    for (const blobs of [0, IMAGES / 2, IMAGES, 2 * IMAGES]) {
      const location = bucket();
      const isTime = async () =>
        blobs === 0 ? await isUnfinished(location) : (await blobsIn(location)) >= blobs;
      await killOnce(commandOf(source, location), isTime);
      if (await isUnfinished(location)) {
        kills++;
        const refused = await serve([...nodeArgs(location), "--data-dir", newDirectory()]);
        const words = `${urlOf(location)} has a copy of ${source} that is not finished; 'everlock storage copy ${source} ${urlOf(location)}' resumes it`;
        expect([refused.code, refused.stderr]).toEqual([1, `everlock: ${words}\n`]);
        await mustCopy(source, location);
      }
      await pullAll(nodeArgs(location));
    }
    expect(kills).toBeGreaterThan(0);
  }, 60_000);

  test("killed at any moment leaves a directory that no server starts on, and the next run finishes it", async () => {
    const location = bucket();
    await mustCopy(source, location);
    let kills = 0;
    for (const blobs of [1, IMAGES / 2, 2 * IMAGES]) {
      const target = newDirectory();
      const isTime = async () => {
        const dir = `${target}/everlock-oci-local/blobs/sha256`;
        const found = existsSync(dir) ? await Array.fromAsync(new Bun.Glob("??/*").scan(dir)) : [];
        return found.length >= blobs;
      };
      await killOnce(commandOf(location, target), isTime);
      if (existsSync(`${target}/everlock-restore.json`)) {
        kills++;
        const refused = await serve(["--data-dir", target]);
        const words = `the data directory ${target} holds a copy of ${urlOf(location)} that is not finished; 'everlock storage copy ${urlOf(location)} ${target}' resumes it`;
        expect([refused.code, refused.stderr]).toEqual([1, `everlock: ${words}\n`]);
        await mustCopy(location, target);
      }
      await pullAll(["--data-dir", target]);
    }
    expect(kills).toBeGreaterThan(0);
  }, 60_000);

  test("resumed copies only what lacks", async () => {
    const location = bucket();
    await mustCopy(source, location);
    // As a copy leaves it that was killed before its end.
    const at = bucketAt(location);
    const layout = JSON.parse(Buffer.from((await at.read("everlock.json"))?.bytes ?? []).toString());
    const marked = { ...layout, copying: { from: source, by: "killed" } };
    await at.put("everlock.json", new Uint8Array(Buffer.from(JSON.stringify(marked))));
    const hex = layers[0]?.slice("sha256:".length) ?? "";
    await at.remove(`stores/everlock-oci-local/blobs/sha256/${hex.slice(0, 2)}/${hex}`);
    expect((await copy(source, location)).stdout).toContain("everlock-oci-local: 1 blob copied (195.3 KiB)");
    await pullAll(nodeArgs(location));
  }, 30_000);

  test("refuses a target that holds something else, and leaves it as it is", async () => {
    const [location, foreign] = [bucket(), bucket()];
    await mustCopy(source, location);
    await bucketAt(foreign).put("photos/cat.jpg", new Uint8Array(3));
    const target = newDirectory();
    mkdirSync(target);
    writeFileSync(`${target}/notes.txt`, "mine");
    const refusals = [
      [source, location, `${urlOf(location)} holds stores already`, 1],
      [source, foreign, `${urlOf(foreign)} holds other objects, such as 'photos/cat.jpg'`, 1],
      [location, target, `the directory ${target} is not empty`, 2],
      [source, `${source}/copy`, "is, or is in, what is copied", 2],
      [location, location, "is, or is in, what is copied", 2],
    ] as const;
    for (const [from, to, words, exit] of refusals) {
      const { code, stderr } = await copy(from, to);
      expect([code, stderr]).toEqual([exit, expect.stringContaining(words)]);
    }
    expect(readdirSync(target)).toEqual(["notes.txt"]);
    await pullAll(nodeArgs(location));
  }, 30_000);

  test("refuses an unfinished copy of something else", async () => {
    const other = newDirectory();
    const location = bucket();
    const layout = { format: 1, id: "1", copying: { from: other, by: "1" } };
    await bucketAt(location).put("everlock.json", new Uint8Array(Buffer.from(JSON.stringify(layout))));
    const { code, stderr } = await copy(source, location);
    expect([code, stderr]).toEqual([
      1,
      `everlock: ${urlOf(location)} has a copy of ${other} that is not finished; finish that one, or delete what is there\n`,
    ]);
  }, 30_000);

  test("says in a line what is wrong with a source, a place or the object store", async () => {
    const location = bucket();
    const empty = temporaryDirectory();
    const closed = { ...location, endpoint: `http://127.0.0.1:${freePort()}` };
    const failures: readonly (readonly [RunResult, number, string])[] = [
      [await copy(`${empty}/none`, location), 2, `there is no data directory ${empty}/none`],
      [await copy(empty, location), 1, `there are no stores in ${empty}`],
      [await copy(location, newDirectory()), 1, `there is nothing of Everlock's in ${urlOf(location)}`],
      [await copy("gs://bucket", location), 2, "'gs://bucket' is neither a directory nor a bucket"],
      [
        await copy(source, { ...location, bucket: "none-there" }),
        1,
        "the bucket 'none-there' does not exist",
      ],
      [
        await copy(source, location, { env: { AWS_SECRET_ACCESS_KEY: "wrong" } }),
        1,
        "the secret key is wrong",
      ],
      [await copy(source, closed), 1, `the object store ${closed.endpoint} fails`],
      [await copy(source, location, { flags: ["--gc-grace", "1d"] }), 2, "unknown flag '--gc-grace'"],
      [await run([binary(), "storage", "move"]), 2, "use: everlock storage copy <from> <to>"],
    ];
    for (const [{ code, stderr }, exit, words] of failures) {
      expect([code, stderr]).toEqual([exit, expect.stringContaining(words)]);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
  }, 60_000);

  test("names damaged blobs and stays unfinished; --partial finishes without them", async () => {
    const dataDir = newDirectory();
    cpSync(source, dataDir, { recursive: true });
    const [layer] = layers;
    if (!layer) throw new Error("there is no layer");
    flipBit(blobPath(dataDir, layer), 0, 0);
    const location = bucket();
    const first = await copy(dataDir, location);
    expect([first.code, first.stderr]).toEqual([
      1,
      `everlock-oci-local: the blob ${layer} is damaged and was left out\neverlock: the copy to ${urlOf(location)} is not finished: 1 blob is damaged in ${dataDir}; push them again, or finish with --partial without them; run the same command again to resume it\n`,
    ]);
    expect(await isUnfinished(location)).toBe(true);
    expect((await copy(dataDir, location, { flags: ["--partial"] })).code).toBe(0);
    expect(await isUnfinished(location)).toBe(false);
  }, 30_000);

  test("of a directory that a server uses copies the blobs, and says what else is to be done", async () => {
    const { server, httpPort, dataDir } = await startTestServer();
    const client = new RegistryClient(httpPort, "app");
    await client.pushImage("v0");
    const location = bucket();
    const early = await copy(dataDir, location);
    expect([early.code, early.stderr]).toEqual([
      1,
      `everlock: the copy to ${urlOf(location)} is not finished: ${dataDir} is used by a server or another command, so only blobs were copied: stop that first; run the same command again to resume it\n`,
    ]);
    expect(early.stdout).toContain("everlock-oci-local: 2 blobs copied");
    await client.pushImage("v1");
    await server.stop();
    const late = await copy(dataDir, location);
    expect(late.stdout).toContain("everlock-oci-local: 2 blobs copied");
    expect(late.code).toBe(0);
    await pullAll(nodeArgs(location), 2);
  }, 30_000);
});

async function isUnfinished(location: S3Location): Promise<boolean> {
  const layout = await bucketAt(location).read("everlock.json");
  return layout !== undefined && Buffer.from(layout.bytes).includes("copying");
}

describeWithSmallDisks("a full disk", () => {
  test("ends a copy with a line that says so, and the next run finishes it", async () => {
    const disk = smallDisk("4m");
    const target = `${disk.path}/data`;
    const { code, stderr } = await copy(source, target);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`the copy to ${target} is not finished: there is no room on the disk`),
    ]);
    disk.resize("40m");
    await mustCopy(source, target);
    await pullAll(["--data-dir", target]);
  }, 30_000);
});
