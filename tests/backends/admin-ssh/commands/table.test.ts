import { expect, test } from "bun:test";
import { WHOLE } from "../../../../src/backends/admin-ssh/commands/column-layout.ts";
import { alignColumns, alignPairs, table } from "../../../../src/backends/admin-ssh/commands/table.ts";

const LOG = [
  { name: "time", least: 10 },
  "user",
  "what",
  { name: "digest", leaveOut: 1, least: WHOLE },
  { name: "from", leaveOut: 2 },
];
const EVENT = [
  "2026-11-24 10:56:40",
  "alice",
  "delete team/service/app@sha256:d2f8e123cc41 (prod)",
  "sha256:d2f8e123cc41",
  "skopeo/1.9.3 at 127.0.0.1",
];

const unwrapped = (lines: readonly string[]) => lines.join("").replaceAll(" ", "");

test("cells with control characters are escaped and aligned by their displayed width", () => {
  const rows = [
    ["a\x9b", "1"],
    ["longer", "2"],
  ];
  expect(alignColumns(rows, { width: undefined })).toEqual(["a\\u009b  1", "longer   2"]);
});

test("without a terminal a table is neither wrapped nor are columns left out", () => {
  expect(table(LOG, [EVENT], { width: undefined })[1]).toBe(EVENT.join("  "));
});

test("on a narrow terminal the columns that may be are left out, one after the other, and a last line names them", () => {
  const wide = table(LOG, [EVENT], { width: 100 });
  expect(wide.slice(1, -1).join(" ")).toContain("sha256:d2f8e123cc41");
  expect(wide.at(-1)).toBe("100 columns have no room for: from; widen the terminal, or add --json");
  const narrow = table(LOG, [EVENT], { width: 80 });
  expect(narrow).toEqual([
    "time                 user   what",
    "2026-11-24 10:56:40  alice  delete team/service/app@sha256:d2f8e123cc41 (prod)",
    "80 columns have no room for: digest, from; widen the terminal, or add --json",
  ]);
});

test.each([80, 60, 40, 30, 20, 10])(
  "in %p columns no line is too long, and no column that matters is cut",
  (width) => {
    const lines = table(LOG, [EVENT, EVENT], { width });
    for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width - 2);
    const column = lines.map((line) => line.slice(width === 40 ? 19 : 0)).slice(1);
    if (width === 40) expect(unwrapped(column)).toContain(EVENT[2]?.replaceAll(" ", "") ?? "-");
  },
);

test("a terminal that is too narrow for a table shows one line for each cell, with its name", () => {
  expect(table(LOG, [EVENT], { width: 30 })).toEqual([
    "time: 2026-11-24 10:56:40",
    "user: alice",
    "what: delete",
    "  team/service/app@sha256:d2",
    "  f8e123cc41 (prod)",
    "digest: sha256:d2f8e123cc41",
    "from: skopeo/1.9.3 at",
    "  127.0.0.1",
  ]);
});

test("wide characters count by their width on the terminal, also in a wrapped cell", () => {
  const rows = [
    ["日本語日本語日本語", "1"],
    ["plain", "22"],
  ];
  expect(table(["name", "size"], rows, { width: 24 })).toEqual([
    "name              size",
    "日本語日本語日本  1",
    "語",
    "plain             22",
  ]);
});

test("a description that does not fit beside its command follows on a line of its own", () => {
  expect(alignPairs([["/users list", "list the users"]], { width: 20 })).toEqual([
    "/users list",
    "  list the users",
  ]);
  expect(alignPairs([["/users list", "list the users"]], { width: 80 })).toEqual([
    "/users list  list the users",
  ]);
});

test("a table may have more rows than a function takes arguments", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
  expect(table(["n"], rows, { width: undefined })).toHaveLength(rows.length + 1);
});
