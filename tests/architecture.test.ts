import { expect, test } from "bun:test";
import { Glob } from "bun";

const SOURCE = `${import.meta.dir}/../src`;

/** From the outermost layer to the innermost; a file imports from its own layer and those after it. */
const LAYERS = ["commands", "server", "config", "frontends", "backends", "registry", "primitives"] as const;
type Layer = (typeof LAYERS)[number];

/** The engine takes only value types from the primitives: never a store, never a user. */
const ENGINE_MAY_IMPORT = /^primitives\/(digest|byte-cache|records)\.ts$/;

function layerOf(path: string): Layer {
  const top = path.split("/")[0] ?? "";
  if (LAYERS.some((layer) => layer === top)) return top as Layer;
  return path === "main.ts" ? "commands" : "server";
}

async function importsOf(path: string): Promise<string[]> {
  const text = await Bun.file(`${SOURCE}/${path}`).text();
  return [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].map(([, target = ""]) =>
    new URL(target, `file:///${path}`).pathname.slice(1),
  );
}

test("imports run one way: commands, server, frontends, backends, registry, primitives", async () => {
  const wrong: string[] = [];
  for await (const path of new Glob("**/*.ts").scan(SOURCE)) {
    for (const target of await importsOf(path)) {
      const [from, to] = [layerOf(path), layerOf(target)];
      const outward = LAYERS.indexOf(to) < LAYERS.indexOf(from);
      const beyondValues = from === "registry" && to === "primitives" && !ENGINE_MAY_IMPORT.test(target);
      if (outward || beyondValues) wrong.push(`${path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("the stores know no users", async () => {
  const wrong: string[] = [];
  for await (const path of new Glob("primitives/store/**/*.ts").scan(SOURCE)) {
    for (const target of await importsOf(path)) {
      if (target.startsWith("primitives/users/")) wrong.push(`${path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});
