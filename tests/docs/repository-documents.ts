import { Glob } from "bun";
import { type MarkdownDocument, readMarkdown } from "./markdown.ts";

export const ROOT = `${import.meta.dir}/../..`;

/** The Markdown files that people read, by their paths in the repository. */
export async function repositoryDocuments(): Promise<ReadonlyMap<string, MarkdownDocument>> {
  const documents = new Map<string, MarkdownDocument>();
  for (const pattern of ["*.md", "docs/**/*.md", ".github/**/*.md", "src/**/*.md"]) {
    for await (const path of new Glob(pattern).scan({ cwd: ROOT, dot: true }))
      documents.set(path, readMarkdown(await Bun.file(`${ROOT}/${path}`).text()));
  }
  return documents;
}

/** The source files of the program, its tests and its packaging, by their paths in the repository. */
export async function sourceFiles(): Promise<readonly string[]> {
  return Array.fromAsync(new Glob("{src,tests,packaging}/**/*.{ts,tsx}").scan(ROOT));
}
