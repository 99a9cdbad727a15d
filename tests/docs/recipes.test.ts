import { describe, expect, test } from "bun:test";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { environmentName, SETTING_NAMES } from "../../src/config/settings.ts";
import { ROOT } from "./repository-documents.ts";
import { type Block, chaptersOf } from "./walk/blocks.ts";

const CHAPTERS = chaptersOf(await Bun.file(`${ROOT}/docs/recipes.md`).text());
const VARIABLES = new Set(SETTING_NAMES.map(environmentName));

/** Every block of YAML, also those that are not written to a file. */
function yamlBlocks(): Block[] {
  return CHAPTERS.flatMap(({ blocks }) => blocks.filter(({ text }) => /^[\w]+:/.test(text)));
}

/** Every map in a document of YAML. */
function* mapsOf(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Readonly<Record<string, unknown>>;
  for (const inner of Object.values(value)) yield* mapsOf(inner);
}

const fileOf = (path: string): string => {
  const found = CHAPTERS.flatMap(({ blocks }) => blocks).find(
    (block) => block.kind === "file" && block.path === path,
  );
  if (!found) throw new Error(`no recipe has the file ${path}`);
  return found.text;
};

describe("the recipes", () => {
  test("have YAML that can be parsed", () => {
    expect(yamlBlocks().length).toBeGreaterThan(5);
    for (const { text } of yamlBlocks()) expect(Bun.YAML.parse(text)).toBeObject();
  });

  test("set only variables that are settings of the server, to values that it accepts", () => {
    const environment: Record<string, string> = {};
    for (const { text } of yamlBlocks()) {
      for (const map of mapsOf(Bun.YAML.parse(text))) {
        const { name, value } = map;
        const given = typeof name === "string" && value !== undefined ? { [name]: value } : map;
        for (const [key, set] of Object.entries(given))
          if (key.startsWith("EVERLOCK_")) environment[key] = String(set);
      }
    }
    expect(Object.keys(environment).filter((key) => !VARIABLES.has(key))).toEqual([]);
    expect(environment).not.toBeEmpty();
    const { EVERLOCK_ADMIN_PASSWORD_FILE: _, ...rest } = environment;
    expect(() => resolveServerConfig([], rest)).not.toThrow();
  });

  test("for Kubernetes name ports, volumes and secrets that they declare", () => {
    const text = fileOf("everlock.yaml");
    const maps = [...mapsOf(Bun.YAML.parse(text))];
    const namesIn = (list: string) =>
      maps.flatMap((map) => (Array.isArray(map[list]) ? map[list].map(({ name }) => name) : []));
    const ports = new Set(maps.flatMap(({ containerPort, name }) => (containerPort ? [name] : [])));
    const used = maps.flatMap(({ targetPort, httpGet }) => [
      ...(targetPort === undefined ? [] : [targetPort]),
      ...(typeof httpGet === "object" && httpGet !== null && "port" in httpGet ? [httpGet.port] : []),
    ]);
    expect(used.length).toBeGreaterThan(4);
    expect(used.filter((port) => !ports.has(port))).toEqual([]);
    const claims = maps.flatMap(({ metadata, spec }) =>
      typeof spec === "object" && spec !== null && "accessModes" in spec ? [metadata] : [],
    );
    expect(claims).toEqual([{ name: "data" }]);
    expect(new Set(namesIn("volumeMounts"))).toEqual(new Set(["data", ...namesIn("volumes")]));
    expect(maps).toContainEqual({ secretName: "everlock-admin", defaultMode: expect.anything() });
  });
});
