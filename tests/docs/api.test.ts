import { expect, test } from "bun:test";
import { API_ROUTES } from "../../src/backends/web/api/api-table.ts";
import { ROOT } from "./repository-documents.ts";

function byPath(
  [method = "", path = ""]: readonly string[],
  [other = "", otherPath = ""]: readonly string[],
): number {
  return path === otherPath ? method.localeCompare(other) : path < otherPath ? -1 : 1;
}

/** The table of `docs/api.md`, as Markdown with columns of equal width. */
export function apiTable(): string {
  const rows = API_ROUTES.map(({ method, pattern, summary }) => [
    method,
    pattern.path,
    summary.replace(/\.$/, ""),
  ]);
  const all = [["Method", "Path", "What it does"], ...quoted].join("\n");
}

test("docs/api.md has every route; UPDATE_DOCS=1 writes them", async () => {
  const path = `${ROOT}/docs/api.md`;
  const text = await Bun.file(path).text();
  const current = text.replace(/(\n\|.*)+\n$|\n$/, `\n${apiTable()}\n`);
  if (process.env["UPDATE_DOCS"] === "1") await Bun.write(path, current);
  else expect(text).toBe(current);
});
