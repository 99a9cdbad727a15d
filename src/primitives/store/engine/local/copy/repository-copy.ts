import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { removeFile, replaceFile, syncDirectory } from "../../../../fs/durable.ts";
import { makeDirectory } from "../../../../fs/durable-directory.ts";
import { copyVerified, removeTemporaries } from "../../../../fs/verified-copy.ts";
import { OBJECT_ID_BYTES, objectIdToBytes, parseObjectId } from "../../../git/object-id.ts";
import { PackIndex } from "../../../packs/pack-index.ts";
import { readLooseObject } from "../loose.ts";
import { ensureRepository } from "../repository.ts";

/**
 * Brings a copy of a bare repository up to date: its objects first, then its refs as they were at the beginning, all of it
 * synced. While it runs, new packs may come to the source, but none may go. Answers the bytes that were copied. Throws
 * `DamagedFileError` or `CorruptObjectError` for an object file that is damaged in the source.
 */
export async function copyRepository(source: string, target: string): Promise<number> {
  const refs = readRefs(source);
  await ensureRepository(target);
  const bytes = (await copyPacks(source, target)) + (await copyLooseObjects(source, target));
  for (const [path, content] of refs) {
    makeDirectory(dirname(`${target}/${path}`));
    await replaceFile(`${target}/${path}`, content);
  }
  await removeOtherRefs(refs, target);
  removeMergedPacks(packsOf(source), target);
  await syncDirectory(packDirectory(target));
  return bytes;
}

/** A ref that the source has packed or deleted would be older than what it says now, and win over it. */
async function removeOtherRefs(refs: ReadonlyMap<string, Uint8Array>, target: string): Promise<void> {
  for (const path of readRefs(target).keys()) {
    if (refs.has(path)) continue;
    removeFile(`${target}/${path}`);
    await syncDirectory(dirname(`${target}/${path}`));
  }
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

const PACK_SUFFIXES = [".pack", ".idx"] as const;

/** Whether a copy has both files of a pack in full. */
function hasPack(source: string, target: string, stem: string): boolean {
  return PACK_SUFFIXES.every((suffix) => {
    const [from, to] = [source, target].map((dir) =>
      statSync(`${packDirectory(dir)}/${stem}${suffix}`, { throwIfNoEntry: false }),
    );
    return from !== undefined && from.size === to?.size;
  });
}

/** Both files of a pack end with the hash of all before (gitformat-pack). */
const CHECKSUMMED = {
  algorithm: "sha256",
  tailBytes: OBJECT_ID_BYTES,
  isSound: (hash: Uint8Array, tail: Uint8Array) => Buffer.compare(hash, tail) === 0,
} as const;

async function copyPacks(source: string, target: string): Promise<number> {
  removeTemporaries(packDirectory(target));
  let bytes = 0;
  for (const stem of packsOf(source)) {
    if (hasPack(source, target, stem)) continue;
    // Git finds a pack by its index, so that comes last.
    for (const suffix of PACK_SUFFIXES) {
      const name = `/${stem}${suffix}`;
      bytes += await copyVerified(packDirectory(source) + name, packDirectory(target) + name, CHECKSUMMED);
    }
  }
  await syncDirectory(packDirectory(target));
  return bytes;
}

/** Those that stock git has added; few, as a rule. */
async function copyLooseObjects(source: string, target: string): Promise<number> {
  let bytes = 0;
  for (const prefix of readdirSync(`${source}/objects`).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    const directory = `${target}/objects/${prefix}`;
    for (const name of readdirSync(`${source}/objects/${prefix}`)) {
      const id = parseObjectId(prefix + name);
      if (!id || existsSync(`${directory}/${name}`)) continue;
      // Rejects what is damaged.
      readLooseObject(`${source}/objects`, id);
      const content = readFileSync(`${source}/objects/${prefix}/${name}`);
      makeDirectory(directory);
      await replaceFile(`${directory}/${name}`, content, 0o444);
      bytes += content.length;
    }
    if (existsSync(directory)) await syncDirectory(directory);
  }
  return bytes;
}

/** Removes packs whose objects have all become part of those in `current`; what the source has lost stays in the copy. */
export function removeMergedPacks(current: ReadonlySet<string>, target: string): void {
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
      for (const suffix of PACK_SUFFIXES.toReversed())
        removeFile(`${packDirectory(target)}/${stem}${suffix}`);
    }
  } finally {
    for (const index of indexes) index.close();
  }
}
