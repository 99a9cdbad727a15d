import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { type MarkdownDocument, readMarkdown } from "./markdown.ts";
import { ROOT, repositoryDocuments, sourceFiles } from "./repository-documents.ts";

/** What is wrong with the relative links of the documents, by path; `exists` tells which other files there are. */
function brokenLinks(
  documents: ReadonlyMap<string, MarkdownDocument>,
  exists: (path: string) => boolean,
): string[] {
  const broken: string[] = [];
  for (const [path, { links }] of documents) {
    for (const link of links) {
      if (/^[a-z]+:/i.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), decodeURIComponent(file)));
      const document = documents.get(target);
      if (target.startsWith("..") || !(document || exists(target))) broken.push(`${path}: no file ${link}`);
      else if (anchor !== undefined && !document?.anchors.has(anchor))
        broken.push(`${path}: no heading ${link}`);
    }
  }
  return broken;
}

describe("links of the documents", () => {
  test("lead to files and headings that exist", async () => {
    const documents = await repositoryDocuments();
    expect(documents.size).toBeGreaterThan(5);
    expect(brokenLinks(documents, (path) => existsSync(`${ROOT}/${path}`))).toEqual([]);
  });

  test("and names of source files are those of files that exist, in the folders that are named with them", async () => {
    const files = await sourceFiles();
    const missing: string[] = [];
    for (const [path, { sources }] of await repositoryDocuments())
      for (const source of sources)
        if (!files.some((file) => `/${file}`.endsWith(`/${source}`))) missing.push(`${path}: ${source}`);
    expect(missing).toEqual([]);
  });

  test("to a missing file, a missing heading or out of the repository are found", () => {
    const page =
      "# A page\n\n## What it has\n\n[a](#what-it-has) [b](../README.md#top) [c](https://example.org/x)\n";
    const readme =
      "# Top\n\n[a](docs/page.md) [b](docs/page.md#what-it-has) [c](LICENSE)\n\n    [in code](nowhere.md)\n";
    const bad = "![d](docs/none.svg) [e](docs/page.md#nothing) [f](../secret) [g](LICENSE#x) [h](#none)\n";
    const documents = new Map([
      ["README.md", readMarkdown(readme + bad)],
      ["docs/page.md", readMarkdown(page)],
    ]);
    expect(brokenLinks(documents, (path) => path === "LICENSE")).toEqual([
      "README.md: no file docs/none.svg",
      "README.md: no heading docs/page.md#nothing",
      "README.md: no file ../secret",
      "README.md: no heading LICENSE#x",
      "README.md: no heading #none",
    ]);
  });

  test("name headings as forges do", () => {
    const { anchors } = readMarkdown(
      "# The `x=` of it: *all*\n\n## Again\n\n### Again\n\n## [A](b.md), C & D\n",
    );
    expect([...anchors]).toEqual(["the-x-of-it-all", "again", "again-1", "a-c--d"]);
  });
});
