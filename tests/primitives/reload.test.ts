import { describe, expect, test } from "bun:test";
import { describeChanges, type Reloadable, reloadTogether } from "../../src/primitives/reload.ts";

/** A part that notes what happens to it. */
function part(name: string, happened: string[], fault?: string): Reloadable {
  return {
    async prepareReload(then) {
      happened.push(`read ${name}`);
      if (fault !== undefined) throw new Error(fault);
      const result = await then(() => {
        happened.push(`take over ${name}`);
        return name === "same" ? undefined : `${name}: changed`;
      });
      happened.push(`release ${name}`);
      return result;
    },
  };
}

describe("a reload of several parts", () => {
  test("reads all parts, then applies all of them, and returns what changed", async () => {
    const happened: string[] = [];
    const parts = ["users", "same", "backends"].map((name) => part(name, happened));
    expect(await reloadTogether(parts)).toEqual(["users: changed", "backends: changed"]);
    expect(happened.slice(0, 6)).toEqual([
      ...["users", "same", "backends"].map((name) => `read ${name}`),
      ...["users", "same", "backends"].map((name) => `take over ${name}`),
    ]);
  });

  test("applies no part if one is invalid", async () => {
    const happened: string[] = [];
    const parts = [part("users", happened), part("registries", happened, "line 3 is wrong")];
    await expect(reloadTogether(parts)).rejects.toThrow("line 3 is wrong");
    expect(happened.filter((what) => what.startsWith("take over"))).toEqual([]);
  });
});

test("the summary of a reload names what differs, and is bounded", () => {
  const before = new Map<string, unknown>([
    ["kept", { a: [1] }],
    ["changed", { a: [1] }],
    ["removed", 1],
  ]);
  const after = new Map<string, unknown>([
    ["kept", { a: [1] }],
    ["changed", { a: [2] }],
    ["new", 1],
  ]);
  expect(describeChanges("users", before, after)).toBe("users: added new; changed changed; removed removed");
  expect(describeChanges("users", before, before)).toBeUndefined();
  const many = new Map(Array.from({ length: 1000 }, (_, i) => [`user${i}`, i] as const));
  const line = describeChanges("users", new Map(), many) ?? "";
  expect(line.endsWith(" and 980 more")).toBe(true);
  expect(line.length).toBeLessThan(300);
});
