import { expect, test } from "bun:test";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import { Tree, type TreeEntry } from "../../../../src/primitives/store/git/tree.ts";

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
  const parsed = Tree.parse(Tree.EMPTY.with(new Map(names)).body);
  expect([...parsed.names()]).toEqual(["B", "a-b", "a.b", "a", "a0", "ä", "！", "😀"]);
  expect(new Map(parsed)).toEqual(new Map(names));
});

test("a tree with an entry that is neither file nor directory is refused", () => {
  const link = Buffer.concat([Buffer.from("120000 link\0"), Buffer.from(id, "hex")]);
  expect(() => Tree.parse(link)).toThrow("mode 120000");
  expect(() => Tree.parse(link.subarray(0, 20))).toThrow("cut off");
});

test("a tree with other entries is the same as one made anew", () => {
  const other = { kind: "file", id: nameObject("blob", Buffer.from("y")).id } as const;
  const names = Array.from({ length: 30 }, (_, i) => `n${(i * 7) % 30}`);
  let tree = Tree.EMPTY;
  const expected = new Map<string, TreeEntry>();
  const change = (name: string, entry: TreeEntry | undefined) => {
    tree = tree.with(new Map([[name, entry]]));
    if (entry) expected.set(name, entry);
    else expected.delete(name);
    const anew = Tree.EMPTY.with(expected);
    expect(Buffer.compare(tree.body, anew.body)).toBe(0);
    expect(new Map(tree)).toEqual(expected);
    expect(new Map(Tree.parse(tree.body))).toEqual(expected);
  };
  for (const name of names) change(name, file);
  for (const name of names.slice(0, 10)) change(name, other);
  for (const name of names.slice(5, 15)) change(name, directory);
  for (const name of names) change(name, undefined);
  expect(tree.size).toBe(0);
});
