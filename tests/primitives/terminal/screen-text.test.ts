import { expect, test } from "bun:test";
import { cursorAfter, namesInColumns } from "../../../src/primitives/terminal/screen-text.ts";

test.each([
  ["", 10, 0, 0, false],
  ["abc", 10, 0, 3, false],
  ["a".repeat(10), 10, 1, 0, true],
  ["a".repeat(25), 10, 2, 5, false],
  ["日本", 10, 0, 4, false],
  ["a日本語語", 9, 1, 0, true],
  ["日本語語語", 9, 1, 2, false],
  ["e\u0301e\u0301", 10, 0, 2, false],
  ["日", 1, 1, 0, true],
])("after %p on %p columns the cursor is in row %p and column %p", (text, columns, row, column, isAtEdge) => {
  const place = cursorAfter(text, columns);
  if (columns > 1) expect(place).toEqual({ row, column, isAtEdge });
  else expect(place.column).toBe(0);
});

test("names stand below each other in as many columns as the terminal has room for", () => {
  expect(
    namesInColumns(["alpine", "busybox", "nginx", "日本", "team/app"], { columns: 24, rows: 24 }),
  ).toEqual(["  alpine    日本", "  busybox   team/app", "  nginx"]);
  expect(namesInColumns(["alpine", "busybox"], { columns: 8, rows: 24 })).toEqual(["  alpine", "  busybox"]);
});

test("names that the rows of the terminal have no room for are left out, and a last line says so", () => {
  const names = Array.from({ length: 200 }, (_, i) => `app-${i}`);
  const lines = namesInColumns(names, { columns: 20, rows: 10 });
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([8, "  app-0    app-7", "  …"]);
});
