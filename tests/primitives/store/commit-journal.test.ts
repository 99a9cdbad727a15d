import { describe, expect, test } from "bun:test";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import {
  CommitJournal,
  type JournalRecord,
  readJournal,
} from "../../../src/primitives/store/commit-journal.ts";
import { nameObject } from "../../../src/primitives/store/git/object.ts";
import { encodeEntry } from "../../../src/primitives/store/git/pack.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

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

  test("ends where a record is damaged", async () => {
    const { path, journal, append } = await open();
    await append("a");
    const { size } = journal;
    await append("b", "c");
    overwrite(path, size + 100, Buffer.from("?"));
    expect(readJournal(path)).toEqual([recordOf("a")]);
  });

  test("of another version is refused, not forgotten", async () => {
    const { path, append } = await open();
    await append("a");
    overwrite(path, 0, Buffer.from("EVLJ"));
    expect(() => readJournal(path)).toThrow("is not a journal of this version");
  });

  test("is empty when it is opened again", async () => {
    const { path, append } = await open();
    await append("a", "b");
    (await CommitJournal.open(path)).close();
    expect([readJournal(path), statSync(path).size]).toEqual([[], 0]);
  });
});
