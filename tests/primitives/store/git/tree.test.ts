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
  expect(() => Tree.parse(link.subarray(0, 20))).toThrow("truncated");
});

test("a tree with other entries is the same as one made of all entries", () => {
  const other = { kind: "file", id: nameObject("blob", Buffer.from("y")).id } as const;
  const names = Array.from({ length: 30 }, (_, i) => `n${(i * 7) % 30}`);
  let tree = Tree.EMPTY;
  const expected = new Map<string, TreeEntry>();
  const change = (name: string, entry: TreeEntry | undefined) => {
    tree = tree.with(new Map([[name, entry]]));
    if (entry) expected.set(name, entry);
    else expected.delete(name);
    const whole = Tree.EMPTY.with(expected);
    expect(Buffer.compare(tree.body, whole.body)).toBe(0);
    expect(new Map(tree)).toEqual(expected);
    expect(new Map(Tree.parse(tree.body))).toEqual(expected);
  };
  for (const name of names) change(name, file);
  for (const name of names.slice(0, 10)) change(name, other);
  for (const name of names.slice(5, 15)) change(name, directory);
  for (const name of names) change(name, undefined);
  expect(tree.size).toBe(0);
});

test("a tree with many other entries at once is the same as one made of all entries, in the order of their bytes", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(seed / 65_536) % below;
  };
  const signs = ["a", "b", "-", ".", "0", "ä", "！", "😀"];
  const randomName = () => Array.from({ length: 1 + random(3) }, () => signs[random(signs.length)]).join("");
  let tree = Tree.EMPTY;
  const expected = new Map<string, TreeEntry>();
  for (let round = 0; round < 200; round++) {
    const changes = new Map<string, TreeEntry | undefined>();
    for (let i = random(20); i >= 0; i--) changes.set(randomName(), [file, directory, undefined][random(3)]);
    tree = tree.with(changes);
    for (const [name, entry] of changes) {
      if (entry) expected.set(name, entry);
      else expected.delete(name);
    }
    expect(new Map(tree)).toEqual(expected);
    const key = (name: string) => Buffer.from(expected.get(name)?.kind === "tree" ? `${name}/` : name);
    expect(tree.names()).toEqual([...expected.keys()].sort((a, b) => Buffer.compare(key(a), key(b))));
    for (const name of [...expected.keys(), randomName()]) expect(tree.get(name)).toEqual(expected.get(name));
  }
});

test("the names that differ between two trees are those with other entries, or in one of them alone", () => {
  let seed = 11;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(seed / 65_536) % below;
  };
  const ids = ["x", "y"].map((text) => nameObject("blob", Buffer.from(text)).id);
  const names = [
    "a",
    "a-b",
    "a.b",
    "a0",
    "b",
    "ä",
    "！",
    "😀",
    ...Array.from({ length: 20 }, (_, i) => `n${i}`),
  ];
  const entryOf = (): TreeEntry => ({ kind: random(4) === 0 ? "tree" : "file", id: ids[random(2)] ?? id });
  const treeOf = () =>
    Tree.EMPTY.with(new Map(names.filter(() => random(3) > 0).map((name) => [name, entryOf()])));
  for (let round = 0; round < 300; round++) {
    const before = treeOf();
    const few = Array.from({ length: random(3) }, () => names[random(names.length)] ?? "");
    const after =
      round % 2 === 0
        ? treeOf()
        : before.with(new Map(few.map((name) => [name, random(3) === 0 ? undefined : entryOf()])));
    const differ = names.filter((name) => !Bun.deepEquals(before.get(name), after.get(name)));
    expect([...before.differingNames(after)].sort()).toEqual(differ.sort());
    expect([...after.differingNames(before)].sort()).toEqual(differ.sort());
    expect(before.differingNames(Tree.parse(Buffer.from(before.body))).size).toBe(0);
  }
});
