import { expect, test } from "bun:test";
import { API_ROUTES } from "../../src/backends/web/api/api-table.ts";
import { ROOT } from "./repository-documents.ts";

const HEAD = ["Method", "Path", "What it does"];

/** The table of `docs/api.md`, as Markdown with columns of equal width. */
function apiTable(): string {
  const sorted = API_ROUTES.toSorted(
    (a, b) => a.pattern.path.localeCompare(b.pattern.path) || a.method.localeCompare(b.method),
  );
  const rows = [
    HEAD,
    ...sorted.map(({ method, pattern, summary }) => [
      method,
      `\`${pattern.path}\``,
      summary.replace(/\.$/, ""),
    ]),
  ];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[], fill = " ") =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  const [head = [], ...others] = rows;
  const rule = lineOf(["", "", ""], "-");
  return [lineOf(head), rule, ...others.map((row) => lineOf(row))].join("\n");
}

test("docs/api.md has every route; UPDATE_DOCS=1 writes them", async () => {
  const path = `${ROOT}/docs/api.md`;
  const text = await Bun.file(path).text();
  const current = `${text.slice(0, text.indexOf("| Method"))}${apiTable()}\n`;
  if (process.env["UPDATE_DOCS"] === "1") await Bun.write(path, current);
  else expect(text).toBe(current);
});
