import { existsSync, readdirSync } from "node:fs";
import { LocalBlobs } from "../local-blobs.ts";

/** What a copy of a store consists of and must not lose: the paths of its blobs, packs and loose objects, in order. */
export async function inventoryOf(dir: string): Promise<readonly string[]> {
  const packs = readdirSync(`${dir}/objects/pack`)
    .filter((name) => /^pack-[0-9a-f]+\.(pack|idx)$/.test(name))
    .map((name) => `objects/pack/${name}`);
  const loose = readdirSync(`${dir}/objects`)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((prefix) =>
      readdirSync(`${dir}/objects/${prefix}`)
        .filter((name) => /^[0-9a-f]+$/.test(name))
        .map((name) => `objects/${prefix}/${name}`),
    );
  const blobs: string[] = [];
  if (existsSync(`${dir}/blobs`)) {
    const store = await LocalBlobs.open(`${dir}/blobs`, () => undefined);
    for await (const page of store.list())
      for (const digest of page) blobs.push(store.path(digest).slice(dir.length + 1));
  }
  return [...packs, ...loose, ...blobs].sort();
}

/** A path a line. */
export function encodeInventory(paths: readonly string[]): Uint8Array {
  return Buffer.from(paths.map((path) => `${path}\n`).join(""));
}

/** Those that a copy in `dir` lacks. */
export function missingOf(inventory: Uint8Array, dir: string): readonly string[] {
  const paths = new TextDecoder().decode(inventory).split("\n").slice(0, -1);
  return paths.filter((path) => !existsSync(`${dir}/${path}`));
}
