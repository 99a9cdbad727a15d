/** What is done with a code block of a document. */
export type BlockKind =
  /** Commands for a shell. */
  | { readonly kind: "shell" }
  /** Commands for the console, sent over SSH. */
  | { readonly kind: "console" }
  /** A server, which goes on running. */
  | { readonly kind: "server" }
  /** The content of a file. */
  | { readonly kind: "file"; readonly path: string }
  /** Not run, for a reason that the document gives. */
  | { readonly kind: "skipped"; readonly reason: string };

export type Block = BlockKind & {
  readonly text: string;
  /** Of its first line in the document, from 1. */
  readonly line: number;
};

/** Whether something happens when the block is followed, beyond that a file is written. */
export function isRun({ kind }: Block): boolean {
  return kind !== "skipped" && kind !== "file";
}

/** A chapter of a document, which begins with a heading of the second level. */
export interface Chapter {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/**
 * The code blocks of a document by chapter, indented or fenced. A comment right before a block says what it is:
 * `<!-- file: /etc/x -->` or `<!-- not run: why -->`. Otherwise a block is one of the console if every line begins with `/`,
 * a server if it begins with `everlock serve`, and for a shell. `<!-- run: … -->` holds commands that readers don't see.
 */
export function chaptersOf(markdown: string): Chapter[] {
  const chapters: { title: string; blocks: Block[] }[] = [{ title: "", blocks: [] }];
  const lines = markdown.split("\n");
  let marker = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const blocks = chapters.at(-1)?.blocks ?? [];
    if (line.startsWith("## ")) {
      chapters.push({ title: line.slice(3), blocks: [] });
      marker = "";
    } else if (line.startsWith("<!--")) {
      const start = i;
      while (i < lines.length - 1 && !lines[i]?.includes("-->")) i++;
      marker = lines
        .slice(start, i + 1)
        .join("\n")
        .replace(/^<!--\s*|\s*-->\s*$/g, "");
      if (marker.startsWith("run:")) {
        blocks.push({ kind: "shell", text: marker.slice("run:".length).trim(), line: start + 1 });
        marker = "";
      }
    } else if (line.startsWith("```") || line.startsWith("    ")) {
      const block = readBlock(lines, i);
      blocks.push({ ...kindOf(block.text, marker), text: block.text, line: i + 1 });
      i = block.last;
      marker = "";
    } else if (line.trim() !== "") marker = "";
  }
  return chapters.filter(({ blocks }) => blocks.length > 0);
}

function readBlock(lines: readonly string[], first: number): { text: string; last: number } {
  if (lines[first]?.startsWith("```")) {
    const last = lines.indexOf("```", first + 1);
    if (last < 0) throw new Error(`the code block in line ${first + 1} has no end`);
    return { text: lines.slice(first + 1, last).join("\n"), last };
  }
  let last = first;
  for (let i = first; i < lines.length && /^ {4}|^$/.test(lines[i] ?? "x"); i++)
    if (lines[i] !== "") last = i;
  const text = lines.slice(first, last + 1).map((line) => line.slice(4));
  return { text: text.join("\n"), last };
}

function kindOf(text: string, marker: string): BlockKind {
  const [, name = "", value = ""] = marker.match(/^(file|not run): (.+)$/s) ?? [];
  if (name === "file") return { kind: "file", path: value };
  if (name === "not run") return { kind: "skipped", reason: value };
  if (text.split("\n").every((line) => line === "" || line.startsWith("/"))) return { kind: "console" };
  return { kind: text.startsWith("everlock serve") ? "server" : "shell" };
}
