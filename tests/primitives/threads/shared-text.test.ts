import { expect, test } from "bun:test";
import { SharedText } from "../../../src/primitives/threads/shared-text.ts";

test("a text is read by whoever has its memory, the newest one, and cut off where it is too long", () => {
  const text = SharedText.ofSize(8);
  const other = new SharedText(text.memory);
  expect(other.read()).toBe("");
  text.write("HTTP");
  expect(other.read()).toBe("HTTP");
  text.write("jobs, SSH");
  expect(other.read()).toBe("jobs, SS");
  text.write("");
  expect(other.read()).toBe("");
});
