import { expect, test } from "bun:test";
import { parseLeaseName } from "../../../../src/primitives/store/engine/leases.ts";

test("a lease is named by up to 64 lower-case letters and digits in words that single hyphens join", () => {
  for (const name of ["merge", "clean-up", "shard-12-writer", "x".repeat(64)])
    expect(parseLeaseName(name) === name).toBe(true);
  for (const text of ["", "-a", "a-", "a--b", "Merge", "a/b", "..", "a.b", "a b", "a\n", "x".repeat(65)])
    expect(parseLeaseName(text)).toBeUndefined();
});
