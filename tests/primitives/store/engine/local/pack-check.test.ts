import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { LocalObjects } from "../../../../../src/primitives/store/engine/local/local-objects.ts";
import { packProblems } from "../../../../../src/primitives/store/engine/local/pack-check.ts";
import { nameObject } from "../../../../../src/primitives/store/git/object.ts";
import { assemblePack, encodeEntry } from "../../../../../src/primitives/store/git/pack.ts";
import { encodePackIndex } from "../../../../../src/primitives/store/packs/pack-index.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const COUNT = 40;

function writePack(count = COUNT, salt = "") {
  const objects = Array.from({ length: count }, (_, i) =>
    nameObject("blob", Buffer.from(`${salt}blob ${i}`)),
  );
  const pack = assemblePack(objects.map(encodeEntry));
  const stem = `${temporaryDirectory()}/pack-${pack.checksum.toHex()}`;
  writeFileSync(`${stem}.pack`, pack.bytes);
  writeFileSync(`${stem}.idx`, encodePackIndex(pack.entries, pack.checksum));
  return stem;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** Makes the checksum at the end match whatever the index now holds. */
function seal(path: string): void {
  const bytes = readFileSync(path);
  const end = bytes.length - 32;
  bytes.set(new Bun.CryptoHasher("sha256").update(bytes.subarray(0, end)).digest(), end);
  writeFileSync(path, bytes);
}

describe("a pack", () => {
  test("that is sound has no problems", async () => {
    expect(await packProblems(writePack())).toEqual([]);
    expect(await packProblems(writePack(1))).toEqual([]);
  });

  test("with a flipped bit anywhere in either file is found out", async () => {
    const stem = writePack();
    for (const suffix of [".pack", ".idx"]) {
      const whole = readFileSync(stem + suffix);
      for (let at = 0; at < whole.length; at += 7) {
        flip(stem + suffix, at);
        const problems = await packProblems(stem);
        expect([at, problems.length > 0, problems[0]?.startsWith(stem)]).toEqual([at, true, true]);
        writeFileSync(stem + suffix, whole);
      }
    }
  });

  test.each([
    [".pack", 0, "its header is not that of a pack"],
    [".pack", 6, "its header is not that of a pack"],
    [".pack", 30, "its content does not match the checksum at its end"],
    [".pack", -1, "its content does not match the checksum at its end"],
    [".idx", 3, "it is not a version 2 pack index"],
    [".idx", 40, "its content does not match the checksum at its end"],
    [".idx", -1, "its content does not match the checksum at its end"],
    [".idx", -40, "it is the index of another pack"],
  ])("whose file %s has a flipped bit at %d is told: %s", async (suffix, at, reason) => {
    const stem = writePack();
    flip(stem + suffix, at);
    expect(await packProblems(stem)).toContain(`${stem}${suffix}: ${reason}`);
  });

  test("whose index is wrong under a right checksum is told as well", async () => {
    for (const [at, reason] of [
      [8 + 100 * 4, "its table of first bytes is not in order"],
      [8 + 256 * 4 + 32, "its ids are not in order"],
    ] as const) {
      const stem = writePack();
      const bytes = readFileSync(`${stem}.idx`);
      bytes[at] = 0xff;
      writeFileSync(`${stem}.idx`, bytes);
      seal(`${stem}.idx`);
      expect(await packProblems(stem)).toContain(`${stem}.idx: ${reason}`);
    }
  });

  test("with the index of another is told, and how many objects each has", async () => {
    const [stem, other] = [writePack(), writePack(COUNT + 1, "other ")];
    writeFileSync(`${stem}.idx`, readFileSync(`${other}.idx`));
    expect(await packProblems(stem)).toEqual([
      `${stem}.idx: it is of 41 objects, its pack of 40`,
      `${stem}.idx: it is the index of another pack`,
    ]);
  });

  test("that is cut off is told", async () => {
    const stem = writePack();
    truncateSync(`${stem}.pack`, 20);
    truncateSync(`${stem}.idx`, 900);
    expect(await packProblems(stem)).toEqual([`${stem}.pack: it is cut off`, `${stem}.idx: it is cut off`]);
  });

  test("that has gone meanwhile, merged into another, is no problem", async () => {
    const stem = writePack();
    rmSync(`${stem}.idx`);
    expect(await packProblems(stem)).toEqual([]);
  });
});

test("a check of all packs ends early when it is told to", async () => {
  const dir = temporaryDirectory();
  await Bun.write(`${dir}/pack/.keep`, "");
  const objects = new LocalObjects(dir);
  for (const name of ["a", "b", "c"]) await objects.put([nameObject("blob", Buffer.from(name))]);
  const steps: string[] = [];
  const step = async (progress: string) => steps.push(progress) < 2;
  expect(await objects.verify(step)).toEqual([]);
  expect(steps).toHaveLength(2);
  await objects.close();
});
