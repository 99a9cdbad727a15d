/** A Markdown document, as far as its links and names go. */
export interface MarkdownDocument {
  /** Targets of links and images, as written. */
  readonly links: readonly string[];
  /** What a link may name after `#`: the headings, as forges write their anchors. */
  readonly anchors: ReadonlySet<string>;
  /** Source files that it names in `code`, with as much of their paths as it gives. */
  readonly sources: ReadonlySet<string>;
  /** `--flags` that the text names, and those of the commands of `everlock` in its code. */
  readonly flags: ReadonlySet<string>;
}

export function readMarkdown(text: string): MarkdownDocument {
  const prose = withoutCode(text);
  return {
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target),
    anchors: anchorsOf(prose),
    sources: new Set([...prose.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path = ""]) => path)),
    flags: new Set(
      [...withoutOtherPrograms(text).matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g)].map(([, flag = ""]) => flag),
    ),
  };
}

/** A code block, fenced or indented, and code in a line hold no links. */
function withoutCode(text: string): string {
  let isFenced = false;
  const lines = text.split("\n").map((line) => {
    const isFence = line.startsWith("```");
    if (isFence) isFenced = !isFenced;
    return isFence || isFenced || /^ {4}/.test(line) ? "" : line;
  });
  return lines.join("\n");
}

/** Without code blocks, except for their commands of `everlock`. */
function withoutOtherPrograms(text: string): string {
  const commands = text
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .filter((line) => /^(?: {4})?\s*(?:\$ |sudo |\.\/dist\/)*everlock /.test(line));
  return `${withoutCode(text).replaceAll(/<!--.*?-->/gs, "")}\n${commands.join("\n")}`;
}

function anchorsOf(prose: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose.matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = anchorOf(heading);
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Lower case, without punctuation, with `-` for spaces. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}
