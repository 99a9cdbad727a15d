import { expect, test } from "bun:test";
import { alignColumns, table } from "../../../../src/backends/admin-ssh/commands/table.ts";

test("cells with control characters are escaped and aligned by their displayed width", () => {
  expect(
    alignColumns([
      ["a\x9b", "1"],
      ["longer", "2"],
    ]),
  ).toEqual(["a\\u009b  1", "longer   2"]);
});

test("wide characters count by their width on the terminal, also in a shortened cell", () => {
  const lines = table(
    ["name", "size"],
    [
      ["日本語日本語日本語", "1"],
      ["plain", "22"],
    ],
    { width: 20 },
  );
  expect(lines).toEqual(["name         size", "日本語日本…  1", "plain        22"]);
  for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(18);
});

test("a table may have more rows than a function takes arguments", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
  expect(table(["n"], rows, { width: undefined })).toHaveLength(rows.length + 1);
});
