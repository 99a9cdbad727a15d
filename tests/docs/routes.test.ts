import { describe, expect, test } from "bun:test";
import { ROOT, sourceFiles } from "./repository-documents.ts";

interface RouteStep {
  /** Of `src/`. */
  readonly folder: string;
  /** Files that the step names without a folder. */
  readonly files: readonly string[];
}

/** The steps of numbered lists that begin with a folder: "3. `server/`: `server.ts` starts …". */
function routeSteps(markdown: string): RouteStep[] {
  const steps = markdown.matchAll(/^\d+\. `([\w./-]+)\/`: ((?:.+\n)(?: {2,}.+\n)*)/gm);
  return [...steps].map(([, folder = "", text = ""]) => ({
    folder,
    files: [...text.matchAll(/`([\w.-]+\.ts)`/g)].map(([, name = ""]) => name),
  }));
}

describe("the routes of the architecture", () => {
  test("name files in the folders where they are", async () => {
    const steps = routeSteps(await Bun.file(`${ROOT}/ARCHITECTURE.md`).text());
    expect(steps.length).toBeGreaterThan(25);
    const files = new Set(await sourceFiles());
    const paths = steps.flatMap((step) => step.files.map((file) => `src/${step.folder}/${file}`));
    expect(paths.filter((path) => !files.has(path))).toEqual([]);
  });

  test("are read step by step, with lines that go on and without files of other folders", () => {
    const list =
      "1. `a/`: `x.ts` calls `b/y.ts`,\n   then `z.ts`.\n2. `c/d/`: `w.ts`.\n\n`v.ts`\n\n3. No folder: `u.ts`.\n";
    expect(routeSteps(list)).toEqual([
      { folder: "a", files: ["x.ts", "z.ts"] },
      { folder: "c/d", files: ["w.ts"] },
    ]);
  });
});
