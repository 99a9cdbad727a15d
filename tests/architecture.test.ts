import { expect, test } from "bun:test";
import { dirname } from "node:path";
import { Glob } from "bun";

const SOURCE = `${import.meta.dir}/../src`;

/** From the outermost layer to the innermost; a file imports from its own layer and those after it. */
const LAYERS = [
  "main.ts",
  "commands",
  "server",
  "config",
  "frontends",
  "backends",
  "registry",
  "primitives",
] as const;

/** The engine takes only value types from the primitives: never a store, never a user. */
const ENGINE_MAY_IMPORT =
  /^primitives\/(digest|version|net\/(private-address|direct-response)|bounds\/byte-cache|release|text\/records)\.ts$/;

interface Import {
  readonly from: string;
  readonly to: string;
}

async function allImports(): Promise<Import[]> {
  const imports: Import[] = [];
  for await (const from of new Glob("**/*.{ts,tsx}").scan(SOURCE)) {
    const text = await Bun.file(`${SOURCE}/${from}`).text();
    for (const [, target = ""] of text.matchAll(/\b(?:from|import) ?\(?"(\.[^"]+\.tsx?)"/g))
      imports.push({ from, to: new URL(target, `file:///${from}`).pathname.slice(1) });
  }
  return imports;
}

const IMPORTS = await allImports();

function wrongImports(isWrong: (imported: Import) => boolean): string[] {
  return IMPORTS.filter(isWrong).map(({ from, to }) => `${from} imports ${to}`);
}

const layerOf = (path: string) => (LAYERS as readonly string[]).indexOf(path.split("/")[0] ?? "");

/** Each set of nodes that reach each other (Tarjan's strongly connected components), sorted. */
function circles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const path: string[] = [];
  const visit = (node: string): number => {
    const place = order.size;
    order.set(node, place);
    path.push(node);
    let lowest = place;
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (path.includes(next)) lowest = Math.min(lowest, order.get(next) ?? place);
    }
    if (lowest === place) {
      const circle = path.splice(path.indexOf(node));
      if (circle.length > 1) found.push(circle.sort());
    }
    return lowest;
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return found;
}

function circlesBy(name: (path: string) => string): string[][] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of IMPORTS) {
    if (name(from) === name(to)) continue;
    const targets = edges.get(name(from)) ?? new Set();
    edges.set(name(from), targets.add(name(to)));
  }
  return circles(edges);
}

test("a circle is found, and what leads to it is not part of it", () => {
  const edges = { main: ["a"], a: ["b"], b: ["c", "leaf"], c: ["a"], leaf: [] };
  expect(circles(new Map(Object.entries(edges).map(([from, to]) => [from, new Set(to)])))).toEqual([
    ["a", "b", "c"],
  ]);
});

test("no files import each other in a circle", () => {
  expect(circlesBy((path) => path)).toEqual([]);
});

test("no folders import each other in a circle", () => {
  expect(circlesBy(dirname)).toEqual([]);
});

test("imports run one way: commands, server, config, frontends, backends, registry, primitives", () => {
  expect(IMPORTS.filter(({ from }) => layerOf(from) < 0)).toEqual([]);
  expect(wrongImports(({ from, to }) => layerOf(to) < layerOf(from))).toEqual([]);
});

/** The modules, of this program and of others, that are evaluated as soon as `entry` is imported. */
async function evaluatedWith(entry: string): Promise<ReadonlySet<string>> {
  const evaluated = new Set([entry]);
  for (const from of evaluated) {
    if (!/\.tsx?$/.test(from)) continue;
    const text = await Bun.file(`${SOURCE}/${from}`).text();
    for (const [, names = "", target = ""] of text.matchAll(/^(?:import|export) ([^;]*?)from "([^"]+)"/gm)) {
      if (/^type\b|^\{(\s*type [^,}]+,?)*\s*\} $/.test(names)) continue;
      evaluated.add(target.startsWith(".") ? new URL(target, `file:///${from}`).pathname.slice(1) : target);
    }
  }
  return evaluated;
}

test.each(["commands/serve.ts", "server/http-worker.ts"])(
  "%s loads neither pages, console, operations nor the code for an object store at the start",
  async (entry) => {
    const evaluated = await evaluatedWith(entry);
    expect([...evaluated]).toContain("primitives/store/engine/local/local-engine.ts");
    const late = [
      ...[/^preact/, /^typebox/, /^aws4fetch$/, /^ssh2$/, /^primitives\/store\/engine\/s3\//],
      ...[/^backends\/web\/(pages|assets|browser)\//, /^backends\/web\/web-backend\.ts$/],
      ...[/^backends\/admin-ssh\/(line-runner|command-table)\.ts$/, /^backends\/apply\//],
      ...[/^backends\/oci-http\/operations\//, /^commands\/(?!serve|greeting|setting-args)/],
    ];
    expect([...evaluated].filter((module) => late.some((pattern) => pattern.test(module)))).toEqual([]);
  },
);

test("the OCI engine takes only values from the primitives", () => {
  expect(
    wrongImports(
      ({ from, to }) =>
        from.startsWith("registry/") && to.startsWith("primitives/") && !ENGINE_MAY_IMPORT.test(to),
    ),
  ).toEqual([]);
});

/** Opens the engine, or handles a data directory as such: locks, copies and restores it. */
const KNOWS_LOCAL_ENGINE =
  /^(primitives\/store\/(open-engine|export-repository)|server\/data-directory|commands\/(backup|bucket-backup|copy-places|data-copy|settled-stores|restore-backup))\.ts$/;

test("only what opens engines or handles a whole data directory imports the local engine", () => {
  const local = "primitives/store/engine/local/";
  const intruders = wrongImports(
    ({ from, to }) => to.startsWith(local) && !from.startsWith(local) && !KNOWS_LOCAL_ENGINE.test(from),
  );
  expect(intruders).toEqual([]);
});

test("the interfaces of storage know no engine and nothing of what is built on them", () => {
  const isInterface = /^primitives\/store\/engine\/[^/]+\.ts$/;
  const mayImport = /^primitives\/(store\/(git|engine)\/[^/]+|digest|release|fs\/files)\.ts$/;
  expect(wrongImports(({ from, to }) => isInterface.test(from) && !mayImport.test(to))).toEqual([]);
});

test("the stores know no users", () => {
  expect(
    wrongImports(
      ({ from, to }) => from.startsWith("primitives/store/") && to.startsWith("primitives/users/"),
    ),
  ).toEqual([]);
});

test("only the SQLite primitive opens databases", async () => {
  const wrong: string[] = [];
  for await (const path of new Glob("**/*.{ts,tsx}").scan(SOURCE)) {
    if (path.startsWith("primitives/sqlite/")) continue;
    if (/import \{[^}]*\} from "bun:sqlite"/.test(await Bun.file(`${SOURCE}/${path}`).text()))
      wrong.push(path);
  }
  expect(wrong).toEqual([]);
});

test("the console reaches registries through operations alone, and reads settings from words", () => {
  const isServices = (from: string) => from === "backends/admin-ssh/commands/command.ts";
  expect(
    wrongImports(
      ({ from, to }) =>
        from.startsWith("backends/admin-ssh/") &&
        !isServices(from) &&
        /^backends\/oci-http\/(?!operations\/|settings\/)/.test(to),
    ),
  ).toEqual([]);
});

test("operations know no frontend, no console and no text or JSON that shows their records", () => {
  expect(
    wrongImports(
      ({ from, to }) =>
        /^backends\/(accounts|administration|oci-http\/operations)\//.test(from) &&
        to.startsWith("backends/admin-ssh/"),
    ),
  ).toEqual([]);
});

test("only the file system primitive syncs files", async () => {
  const wrong: string[] = [];
  for await (const path of new Glob("**/*.{ts,tsx}").scan(SOURCE)) {
    if (path.startsWith("primitives/fs/")) continue;
    const text = await Bun.file(`${SOURCE}/${path}`).text();
    if (/\bf(data)?sync(Sync)?\b[^}]*\} from "node:fs|\.(data)?sync\(\)/.test(text)) wrong.push(path);
  }
  expect(wrong).toEqual([]);
});

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 59;

/** What opens a block of braces and is no function. */
const NO_FUNCTION =
  /^(}? ?else )?(if|for|while|switch|try|catch|export class|class|export interface|interface) ?\b/;

interface Block {
  /** The line that opens it, from 1. */
  readonly line: number;
  readonly lines: number;
}

/** The functions of formatted code: from a line that ends with a brace to the next one that is indented no deeper. */
function functionsIn(text: string): Block[] {
  const lines = text.split("\n");
  const indentOf = (line: string) => line.length - line.trimStart().length;
  return lines.flatMap((opening, start) => {
    if (!/\).* \{$/.test(opening) || NO_FUNCTION.test(opening.trimStart())) return [];
    const isEnd = (line: string) => line.trim() !== "" && indentOf(line) <= indentOf(opening);
    const end = start + 1 + lines.slice(start + 1).findIndex(isEnd);
    // Of parameters on lines of their own, the first line of the function is above them.
    const isFirst = (line: string) => indentOf(line) === indentOf(opening) && line.endsWith("(");
    const first = opening.trimStart().startsWith(")") ? lines.slice(0, start).findLastIndex(isFirst) : start;
    return [{ line: first + 1, lines: end - first + 1 }];
  });
}

test("functions are measured from their opening to their closing brace", () => {
  const code = [
    "export function a(",
    "  b: string,",
    "): void {",
    "  if (b) {",
    "    c();",
    "  }",
    "",
    "  const d = () => {",
    "    c();",
    "  };",
    "}",
    "class C {",
    "  e(): number {",
    "    return 1;",
    "  }",
    "}",
  ];
  expect(functionsIn(code.join("\n"))).toEqual([
    { line: 1, lines: 11 },
    { line: 8, lines: 3 },
    { line: 13, lines: 3 },
  ]);
});

test("no source file has more than 300 lines, and no function 60 or more", async () => {
  const wrong: string[] = [];
  for await (const path of new Glob("**/*.{ts,tsx}").scan(SOURCE)) {
    const text = await Bun.file(`${SOURCE}/${path}`).text();
    const length = text.split("\n").length - 1;
    if (length > MAX_FILE_LINES) wrong.push(`${path} has ${length} lines`);
    for (const { line, lines } of functionsIn(text))
      if (lines > MAX_FUNCTION_LINES) wrong.push(`${path}:${line}: a function of ${lines} lines`);
  }
  expect(wrong).toEqual([]);
});
