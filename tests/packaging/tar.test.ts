import { describe, expect, test } from "bun:test";
import { type TarEntry, tarOf } from "../../packaging/image/tar.ts";
import { must } from "../support/tools.ts";

const ENTRIES: readonly TarEntry[] = [
  { path: "data/", mode: 0o700, owner: 65_532 },
  { path: "data/file", mode: 0o755, owner: 0, content: Buffer.from("abc") },
  { path: "data/link", mode: 0o777, owner: 0, link: "file" },
];

describe("a layer's archive", () => {
  test("is one that tar lists with modes, owners, sizes, times and links", async () => {
    const listed = await must(["tar", "--list", "--verbose", "--numeric-owner", "--utc", "--file", "-"], {
      stdin: tarOf(ENTRIES, 86_400),
    });
    expect(listed.trim().split("\n")).toEqual([
      "drwx------ 65532/65532       0 1970-01-02 00:00 data/",
      "-rwxr-xr-x 0/0               3 1970-01-02 00:00 data/file",
      "lrwxrwxrwx 0/0               0 1970-01-02 00:00 data/link -> file",
    ]);
  });

  test("is the same bytes whatever the order of its entries", () => {
    expect(tarOf(ENTRIES.toReversed(), 7)).toEqual(tarOf(ENTRIES, 7));
  });

  test("is not written with a path that a header can't hold", () => {
    const path = "x".repeat(101);
    expect(() => tarOf([{ path, mode: 0o644, owner: 0, content: new Uint8Array() }], 0)).toThrow(path);
  });
});
