import { expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync, statSync } from "node:fs";
import { digestOf } from "../../../../../src/primitives/digest.ts";
import { nextTurn } from "../../../../../src/primitives/jobs/next-turn.ts";
import { LocalUploadLocks } from "../../../../../src/primitives/store/blobs/upload-locks.ts";
import { LocalBlobs } from "../../../../../src/primitives/store/engine/local/local-blobs.ts";
import { LocalUploads } from "../../../../../src/primitives/store/engine/local/local-uploads.ts";
import type { Upload } from "../../../../../src/primitives/store/engine/uploads.ts";
import { begun } from "../../../../support/begun-upload.ts";
import { randomBytes } from "../../../../support/random-bytes.ts";
import { describeWithSmallDisks, smallDisk } from "../../../../support/small-disk.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

async function openIn(dir: string, admit?: () => void) {
  const blobs = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
  const uploads = new LocalUploads(`${dir}/uploads`, blobs, new LocalUploadLocks(), admit);
  const id = await begun(uploads);
  const find = async (): Promise<Upload> => {
    const upload = await uploads.find(id, "app");
    if (!upload) throw new Error("the session is gone");
    return upload;
  };
  return { blobs, uploads, id, find };
}

async function* inPieces(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.slice(at, at + size);
    await nextTurn();
  }
}

const codeOf = (error: unknown) => (error as { code?: string }).code;

describeWithSmallDisks("an upload to a disk that gets full", () => {
  test("fails, ends where it was acknowledged, and goes on from there once there is room", async () => {
    const disk = smallDisk("6m");
    const { blobs, uploads, find } = await openIn(disk.path);
    const bytes = randomBytes(3_000_000);
    await uploads.append(await find(), inPieces(bytes.slice(0, 1_000_000)));
    disk.fill();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await uploads.append(await find(), inPieces(bytes.slice(1_000_000))).catch(codeOf)).toBe(
        "ENOSPC",
      );
      expect((await find()).size).toBe(1_000_000);
    }
    disk.free();
    expect(await uploads.append(await find(), inPieces(bytes.slice(1_000_000)))).toEqual({
      kind: "appended",
      size: bytes.length,
    });
    const digest = digestOf(bytes);
    expect(await uploads.finish(await find(), digest)).toMatchObject({ kind: "stored", size: bytes.length });
    expect(await blobs.read(digest)).toEqual(new Uint8Array(bytes));
  });

  test("leaves no part of a blob behind", async () => {
    const disk = smallDisk("4m");
    const { blobs, uploads, find } = await openIn(disk.path);
    const bytes = randomBytes(8_000_000);
    expect(await uploads.append(await find(), inPieces(bytes), true).catch(codeOf)).toBe("ENOSPC");
    expect(await Array.fromAsync(blobs.list())).toEqual([]);
    expect((await find()).size).toBe(0);
  });
});

test("what is refused in the middle of an upload for want of room is taken back", async () => {
  let isFull = false;
  const { uploads, find } = await openIn(temporaryDirectory(), () => {
    if (isFull) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
  });
  const bytes = randomBytes(2_000_000);
  async function* fillingUp() {
    for await (const piece of inPieces(bytes)) {
      yield piece;
      isFull = true;
    }
  }
  expect(await uploads.append(await find(), fillingUp()).catch(codeOf)).toBe("ENOSPC");
  expect((await find()).size).toBe(0);
  isFull = false;
  await uploads.append(await find(), inPieces(bytes));
  expect(await uploads.finish(await find(), digestOf(bytes))).toMatchObject({
    kind: "stored",
    size: bytes.length,
  });
});

test("a session whose blob could not be placed is as it was before the last chunk, and young", async () => {
  const dir = temporaryDirectory();
  const { blobs, uploads, find } = await openIn(dir);
  const [first, last] = [randomBytes(1000), randomBytes(500)];
  await uploads.append(await find(), inPieces(first));
  const acknowledged = await find();
  await uploads.append(acknowledged, inPieces(last), true);
  const digest = digestOf(Buffer.concat([first, last]));
  const place = blobs.path(digest).slice(0, -digest.slice("sha256:".length).length - 1);
  renameSync(place, `${dir}/elsewhere`);
  expect(await uploads.finish(await find(), digest).catch(codeOf)).toBe("ENOENT");
  await uploads.rewind(acknowledged);
  expect((await find()).size).toBe(first.length);
  expect(Date.now() - statSync(`${dir}/uploads/${readdirSync(`${dir}/uploads`)[0]}`).mtimeMs).toBeLessThan(
    DAY_MS,
  );
  renameSync(`${dir}/elsewhere`, place);
  await uploads.append(await find(), inPieces(last), true);
  expect((await uploads.finish(await find(), digest)).kind).toBe("stored");
});

test("a session that somebody just worked on does not expire, whatever the time of day is set to", async () => {
  const dir = temporaryDirectory();
  let now = 0;
  const blobs = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
  const uploads = new LocalUploads(`${dir}/uploads`, blobs, new LocalUploadLocks(() => now));
  const [used, idle] = [await begun(uploads), await begun(uploads)];
  await uploads.exclusively(used, async () => undefined);
  const today = Date.now;
  Date.now = () => today() + 365 * DAY_MS;
  try {
    now = DAY_MS - 1;
    expect(await uploads.expire(DAY_MS)).toBe(1);
    const left = await Promise.all([used, idle].map((id) => uploads.find(id, "app")));
    expect(left.map((upload) => upload?.id)).toEqual([used, undefined]);
    now = 2 * DAY_MS;
    expect(await uploads.expire(DAY_MS)).toBe(1);
  } finally {
    Date.now = today;
  }
});

/** Runs in a process of its own, which has few file descriptors. */
const WITHOUT_DESCRIPTORS = (source: string, dir: string) => `
  const { LocalBlobs } = await import("${source}/store/engine/local/local-blobs.ts");
  const { LocalUploads } = await import("${source}/store/engine/local/local-uploads.ts");
  const { LocalUploadLocks } = await import("${source}/store/blobs/upload-locks.ts");
  const { digestOf } = await import("${source}/digest.ts");
  const { closeSync, openSync, readdirSync } = await import("node:fs");
  const blobs = await LocalBlobs.open("${dir}/blobs", () => undefined);
  const uploads = new LocalUploads("${dir}/uploads", blobs, new LocalUploadLocks());
  async function* body(text) { yield Buffer.from(text); }
  const id = await uploads.create("app", "sha256");
  const find = () => uploads.find(id, "app");
  await uploads.append(await find(), body("acknowledged, "));
  const whole = digestOf(Buffer.from("acknowledged, and the rest"));
  const half = digestOf(Buffer.from("acknowledged, "));
  const taken = [];
  try { for (;;) taken.push(openSync("/dev/null", "r")); } catch {}
  const attempt = async (work) => { try { await work(); return "done"; } catch (error) { return error.code; } };
  const outcomes = [
    await attempt(() => uploads.create("app", "sha256")),
    await attempt(async () => uploads.append(await find(), body("and the rest"))),
    await attempt(async () => uploads.finish(await find(), half)),
  ];
  for (const fd of taken) closeSync(fd);
  const left = { blobs: (await Array.fromAsync(blobs.list())).length, size: (await find()).size, sessions: readdirSync("${dir}/uploads").length };
  await uploads.append(await find(), body("and the rest"), true);
  console.log(JSON.stringify({ outcomes, left, finished: await uploads.finish(await find(), whole) }));
`;

test.skipIf(process.platform !== "linux")(
  "without file descriptors nothing is changed, and an upload goes on once there are some",
  () => {
    const dir = temporaryDirectory();
    const source = new URL("../../../../../src/primitives", import.meta.url).pathname;
    const { stdout, stderr } = Bun.spawnSync(
      ["bash", "-c", 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, WITHOUT_DESCRIPTORS(source, dir)],
      { stdout: "pipe", stderr: "pipe", env: { ...process.env, TMPDIR: dir } },
    );
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual({
      outcomes: ["EMFILE", "EMFILE", "EMFILE"],
      left: { blobs: 0, size: "acknowledged, ".length, sessions: 1 },
      finished: { kind: "stored", size: "acknowledged, and the rest".length, added: 26 },
    });
    expect(existsSync(`${dir}/blobs`)).toBe(true);
    expect(readdirSync(`${dir}/uploads`)).toEqual([]);
  },
);
