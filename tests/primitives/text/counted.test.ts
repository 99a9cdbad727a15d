import { expect, test } from "bun:test";
import { counted } from "../../../src/primitives/text/counted.ts";

test("a noun is in the singular for one, and in the plural for any other number", () => {
  expect([0, 1, 2].map((count) => counted(count, "tag"))).toEqual(["0 tags", "1 tag", "2 tags"]);
  expect(counted(2, "repository", "repositories")).toBe("2 repositories");
});
