import { expect, test } from "bun:test";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import {
  encodeTree,
  parseTree,
  sortTree,
  type TreeEntry,
} from "../../../../src/primitives/store/git/tree.ts";

const { id } = nameObject("blob", Buffer.from("x"));
const file: TreeEntry = { kind: "file", id };
const directory: TreeEntry = { kind: "tree", id };

test("a tree is ordered by bytes, a directory as if its name ended in a slash", () => {
  const names: [string, TreeEntry][] = [
    ["😀", file], // before U+FF01 in UTF-16, after it in UTF-8
    ["！", file],
    ["a", directory],
    ["a-b", file],
    ["a.b", file],
    ["a0", file],
    ["B", file],
    ["ä", file],
  ];
  const parsed = parseTree(encodeTree(sortTree(new Map(names))));
  expect([...parsed.keys()]).toEqual(["B", "a-b", "a.b", "a", "a0", "ä", "！", "😀"]);
  expect(new Map(parsed)).toEqual(new Map(names));
});

test("a tree with an entry that is neither file nor directory is refused", () => {
  const link = Buffer.concat([Buffer.from("120000 link\0"), Buffer.from(id, "hex")]);
  expect(() => parseTree(link)).toThrow("mode 120000");
  expect(() => parseTree(link.subarray(0, 20))).toThrow("cut off");
});
