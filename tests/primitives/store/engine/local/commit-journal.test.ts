import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeSync } from "node:fs";
import {
  CommitJournal,
  type JournalRecord,
  readJournal,
} from "../../../../../src/primitives/store/engine/local/commit-journal.ts";
import { nameObject } from "../../../../../src/primitives/store/git/object.ts";
import { encodeEntry } from "../../../../../src/primitives/store/git/pack.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

/** A record of one small object; all are of the same length. */
function recordOf(text: string): JournalRecord {
  const object = nameObject("blob", Buffer.from(text.padEnd(20)));
  return { expected: undefined, next: object.id, entries: [encodeEntry(object)] };
}

async function open() {
  const path = `${temporaryDirectory()}/journal`;
  const journal = await CommitJournal.open(path);
  afterThisTest(() => journal.close());
  const append = async (...texts: string[]) => {
    for (const text of texts) await journal.append(recordOf(text));
  };
  return { path, journal, append };
}

/** Makes each of the records, all of `length` bytes, lead on from the one before, as the records of a branch do. */
function chain(path: string, length: number): void {
  const bytes = readFileSync(path);
  for (let at = length; at < bytes.length; at += length) {
    bytes.copy(bytes, at + 24, at - length + 56, at - length + 88);
    const end = at + length - 32;
    bytes.set(new Bun.CryptoHasher("sha256").update(bytes.subarray(at, end)).digest(), end);
  }
  overwrite(path, 0, bytes);
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

describe("a journal", () => {
  test("holds what was appended, in order", async () => {
    const { path, append } = await open();
    await append("a", "b", "c");
    expect(readJournal(path)).toEqual(["a", "b", "c"].map(recordOf));
  });

  test("holds nothing once it is cleared, and keeps its space", async () => {
    const { path, journal, append } = await open();
    await append("a", "b");
    const { size } = statSync(path);
    await journal.clear();
    expect([readJournal(path), journal.size, statSync(path).size]).toEqual([[], 0, size]);
  });

  test("that is written over holds none of what was there before", async () => {
    const { path, journal, append } = await open();
    await append("a", "b", "c");
    await journal.clear();
    await append("d");
    expect(readJournal(path)).toEqual([recordOf("d")]);
    await append("e", "f", "g");
    expect(readJournal(path)).toEqual(["d", "e", "f", "g"].map(recordOf));
  });

  test("ends where the last record is damaged, as a power cut leaves it", async () => {
    const { path, journal, append } = await open();
    await append("a");
    const { size } = journal;
    await append("b");
    overwrite(path, size + 100, Buffer.from("?"));
    expect(readJournal(path)).toEqual([recordOf("a")]);
    truncateSync(path, size + 10);
    expect(readJournal(path)).toEqual([recordOf("a")]);
  });

  /** Of the equal records `a`, `b`, `c`, each one's length and the places where a bit can flip. */
  const PLACES = [
    ["length", 7],
    ["era", 8],
    ["era", 23],
    ["expected commit", 24],
    ["next commit", 56],
    ["entry's name", 88],
    ["entry's length", 123],
    ["entry", 130],
    ["checksum", -1],
  ] as const;

  test.each([0, 1].flatMap((record) => PLACES.map(([what, at]) => [record, what, at] as const)))(
    "whose record %d of 3 has a flipped bit in its %s is damaged, not broken off",
    async (record, _what, place) => {
      const { path, journal, append } = await open();
      await append("a");
      const length = journal.size;
      await append("b", "c");
      chain(path, length);
      const at = record * length + (place < 0 ? length + place : place);
      const before = readFileSync(path);
      expect(readJournal(path)).toHaveLength(3);
      overwrite(path, at, Buffer.of((before[at] ?? 0) ^ 1));
      expect(() => readJournal(path)).toThrow(
        `${path} is damaged: the record at byte ${record * length} is broken, but the one at byte`,
      );
    },
  );

  test("that broke off in its first record does not count what an older one left behind it", async () => {
    const { path, journal, append } = await open();
    await append("a", "b", "c");
    chain(path, journal.size / 3);
    await journal.clear();
    expect(readJournal(path)).toEqual([]);
    const { size } = journal;
    await append("d");
    overwrite(path, size + 130, Buffer.from("?"));
    expect(readJournal(path)).toEqual([]);
  });

  test("with pushed bytes that look like records behind a broken one is not hashed once for each", async () => {
    const { path, append } = await open();
    await append("a");
    const bytes = Buffer.alloc(8 << 20);
    const forged = Buffer.alloc(8);
    forged.write("EVLK");
    forged.writeUInt32BE(6 << 20, 4);
    for (let at = 0; at < bytes.length; at += forged.length) bytes.set(forged, at);
    overwrite(path, readFileSync(path).length, bytes);
    // A million times six MiB would not end in the time of a test.
    expect(readJournal(path)).toEqual([recordOf("a")]);
  });

  test("of another version is refused, not forgotten", async () => {
    const { path, append } = await open();
    await append("a");
    overwrite(path, 0, Buffer.from("EVLJ"));
    expect(() => readJournal(path)).toThrow("does not begin as a journal of this version");
  });

  test("is empty when it is opened again", async () => {
    const { path, append } = await open();
    await append("a", "b");
    (await CommitJournal.open(path)).close();
    expect([readJournal(path), statSync(path).size]).toEqual([[], 0]);
  });
});
