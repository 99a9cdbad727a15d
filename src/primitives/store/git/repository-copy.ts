import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile, syncDirectory } from "../durable.ts";
import { copyVerified } from "../verified-copy.ts";
import { OBJECT_ID_BYTES, objectIdToBytes } from "./object-id.ts";
import { PackIndex } from "./pack-index.ts";
import { ensureRepository } from "./repository.ts";

/**
 * Brings a copy of a bare repository up to date: its objects first, then its refs as they were at the beginning. While it
 * runs, new packs may come to the source, but none may go. Answers the bytes that were copied.
 */
export async function copyRepository(source: string, target: string): Promise<number> {
  const refs = readRefs(source);
  await ensureRepository(target);
  const bytes = (await copyPacks(source, target)) + copyLooseObjects(source, target);
  for (const [path, content] of refs) {
    mkdirSync(dirname(`${target}/${path}`), { recursive: true });
    await replaceFile(`${target}/${path}`, content);
  }
  removeMergedPacks(source, target);
  return bytes;
}

/** Every ref, loose ones and the file of packed ones. */
function readRefs(dir: string): Map<string, Uint8Array> {
  const files = readdirSync(`${dir}/refs`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".lock"))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(dir.length + 1));
  const packed = existsSync(`${dir}/packed-refs`) ? ["packed-refs"] : [];
  return new Map([...packed, ...files].map((path) => [path, readFileSync(`${dir}/${path}`)]));
}

const packDirectory = (dir: string) => `${dir}/objects/pack`;

/** The names of the packs that have an index, without suffix. */
function packsOf(dir: string): Set<string> {
  return new Set(
    readdirSync(packDirectory(dir))
      .filter((name) => name.startsWith("pack-") && name.endsWith(".idx"))
      .map((name) => name.slice(0, -".idx".length)),
  );
}

/** Both files of a pack end with the hash of all before (gitformat-pack). */
const CHECKSUMMED = {
  algorithm: "sha256",
  tailBytes: OBJECT_ID_BYTES,
  isSound: (hash: Uint8Array, tail: Uint8Array) => Buffer.compare(hash, tail) === 0,
} as const;

async function copyPacks(source: string, target: string): Promise<number> {
  const known = packsOf(target);
  let bytes = 0;
  for (const stem of packsOf(source)) {
    if (known.has(stem)) continue;
    // Git finds a pack by its index, so that comes last.
    for (const suffix of [".pack", ".idx"]) {
      const name = `/${stem}${suffix}`;
      bytes += await copyVerified(packDirectory(source) + name, packDirectory(target) + name, CHECKSUMMED);
    }
  }
  await syncDirectory(packDirectory(target));
  return bytes;
}

/** Those that stock git has added; few, as a rule. */
function copyLooseObjects(source: string, target: string): number {
  let bytes = 0;
  for (const prefix of readdirSync(`${source}/objects`).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const name of readdirSync(`${source}/objects/${prefix}`)) {
      const path = `objects/${prefix}/${name}`;
      if (!/^[0-9a-f]+$/.test(name) || existsSync(`${target}/${path}`)) continue;
      mkdirSync(`${target}/objects/${prefix}`, { recursive: true });
      copyFileSync(`${source}/${path}`, `${target}/${path}`);
      bytes += statSync(`${target}/${path}`).size;
    }
  }
  return bytes;
}

/** Packs whose objects have all become part of others; what the source has lost stays in the copy. */
function removeMergedPacks(source: string, target: string): void {
  const current = packsOf(source);
  const old = [...packsOf(target)].filter((stem) => !current.has(stem));
  if (old.length === 0) return;
  const indexes = [...current]
    .filter((stem) => existsSync(`${packDirectory(target)}/${stem}.idx`))
    .map((stem) => new PackIndex(`${packDirectory(target)}/${stem}.idx`));
  try {
    for (const stem of old) {
      const index = new PackIndex(`${packDirectory(target)}/${stem}.idx`);
      const isMerged = index.entries().every(({ id }) => {
        const bytes = objectIdToBytes(id);
        return indexes.some((other) => other.offsetOf(bytes) !== undefined);
      });
      index.close();
      if (!isMerged) continue;
      for (const suffix of [".idx", ".pack"])
        rmSync(`${packDirectory(target)}/${stem}${suffix}`, { force: true });
    }
  } finally {
    for (const index of indexes) index.close();
  }
}
