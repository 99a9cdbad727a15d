import { expect, test } from "bun:test";
import {
  decodePage,
  encodePage,
  InvalidPageError,
  type PageHead,
} from "../../../../src/backends/oci-http/feed/history-page.ts";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import { NO_COMMIT } from "../../../../src/primitives/store/git/object-id.ts";

const HEAD: PageHead = { head: NO_COMMIT, from: undefined, to: NO_COMMIT, skip: 0, commits: 2, remaining: 7 };
const OBJECTS = [nameObject("blob", Buffer.from("hello\n")), nameObject("tree", Buffer.alloc(0))];
const compressed = async (text: string | Uint8Array) => new Uint8Array(await Bun.zstdCompress(text));

test("a page is read as it was written, with the ids of its objects", async () => {
  expect(await decodePage(await encodePage(HEAD, OBJECTS))).toEqual({ ...HEAD, objects: OBJECTS });
});

test("a page that is none is refused in words that say why", async () => {
  const page = await encodePage(HEAD, OBJECTS);
  const raw = new Uint8Array(await Bun.zstdDecompress(page));
  const changed = (from: string, to: string) =>
    compressed(Buffer.from(Buffer.from(raw).toString("latin1").replace(from, to), "latin1"));
  const wrong: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(Buffer.from("no page")), "decompressed"],
    [page.slice(0, -3), "it "],
    [await compressed("ab"), "too short"],
    [await compressed(raw.slice(0, -2)), "cut off"],
    [await changed('"format":1', '"format":9'), "format is 9"],
    [await changed('"objects":2', '"objects":3'), "objects are missing"],
    [await changed('"commits":2', '"commits":-'), "no JSON"],
    [await changed(`"head":"0`, `"head":"x`), "'head' is no commit"],
  ];
  for (const [bytes, reason] of wrong) {
    const error = await decodePage(bytes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidPageError);
    expect(String(error)).toContain(reason);
  }
});

test("a page that grows beyond a bound when it is decompressed is refused", async () => {
  const error = await decodePage(await compressed(new Uint8Array(100 * 1024 * 1024))).catch(
    (e: unknown) => e,
  );
  expect(String(error)).toContain("too large");
});
