import { describe, expect, test } from "bun:test";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { parsePackedRefs } from "../../../../src/primitives/store/git/packed-refs.ts";

const [a, b] = ["a".repeat(64), "b".repeat(64)] as [ObjectId, ObjectId];

describe("packed refs", () => {
  test("are read with comments and peeled tags", () => {
    const text = `# pack-refs with: peeled\n${a} refs/heads/main\n${b} refs/tags/v1.0\n^${a}\n`;
    expect([...parsePackedRefs(text, "packed-refs")]).toEqual([
      ["refs/heads/main", a],
      ["refs/tags/v1.0", b],
    ]);
    expect(parsePackedRefs("", "packed-refs").size).toBe(0);
  });

  test.each([
    ["an id that is too short", `${a.slice(1)} refs/heads/main\n`],
    ["an id with a letter that is none", `g${a.slice(1)} refs/heads/main\n`],
    ["a line without a name", `${a}\n`],
    ["a name outside refs/", `${a} xefs/heads/main\n`],
    ["a name with a control character", `${a} refs/heads/m\x01in\n`],
    ["a name twice", `${a} refs/heads/main\n${b} refs/heads/main\n`],
    ["a peeled id without a tag", `^${a}\n`],
    ["an empty line", `${a} refs/heads/main\n\n`],
    ["an end that is cut off", `${a} refs/heads/main`],
  ])("with %s are damaged", (_what, text) => {
    expect(() => parsePackedRefs(text, "/store/packed-refs")).toThrow("/store/packed-refs is damaged: line ");
  });
});
