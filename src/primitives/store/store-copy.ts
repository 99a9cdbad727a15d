import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Digest, digestAlgorithm, digestHex } from "../digest.ts";
import { BlobStore, SEALED_AT } from "./blob-store.ts";
import { syncDirectory, syncFile } from "./durable.ts";
import { isMissingFile } from "./files.ts";
import { copyRepository } from "./git/repository-copy.ts";
import { copyVerified, DamagedFileError } from "./verified-copy.ts";

export interface StoreCopy {
  /** Bytes of commits, trees and files that were copied. */
  readonly repositoryBytes: number;
  /** Blobs that the copy has now. */
  readonly blobs: number;
  /** Those of them that it did not have before. */
  readonly copiedBlobs: number;
  readonly copiedBytes: number;
  /** Blobs of the source that are not what their digest says, and were left out. */
  readonly damaged: readonly Digest[];
}

/** Blobs copied at once: their syncs are then one wait for the disk. */
const CONCURRENCY = 8;

/**
 * Brings a copy of a store's directory up to date. The commits are those of the beginning, with every blob that they need:
 * nothing may be removed from the source meanwhile. Blobs are hashed on the way; those that the copy has are not copied
 * again. `progress` hears how many were looked at.
 */
export async function copyStore(
  source: string,
  target: string,
  progress: (blobs: number) => void,
): Promise<StoreCopy> {
  const repositoryBytes = await copyRepository(source, target);
  if (!existsSync(`${source}/blobs`))
    return { repositoryBytes, blobs: 0, copiedBlobs: 0, copiedBytes: 0, damaged: [] };
  const ignoreDamage = () => undefined;
  const from = await BlobStore.open(`${source}/blobs`, ignoreDamage);
  const to = await BlobStore.open(`${target}/blobs`, ignoreDamage);
  let [blobs, copiedBlobs, copiedBytes, seen] = [0, 0, 0, 0];
  const damaged: Digest[] = [];
  const directories = new Set<string>();
  const list = from.list();
  const copyNext = async (): Promise<void> => {
    for (let next = list.next(); !next.done; next = list.next()) {
      const digest = next.value;
      progress(++seen);
      if (to.size(digest) !== undefined && to.size(digest) === from.size(digest)) {
        blobs++;
        continue;
      }
      try {
        copiedBytes += await copyBlob(digest, from, to);
        directories.add(to.path(digest).slice(0, to.path(digest).lastIndexOf("/")));
        blobs++;
        copiedBlobs++;
      } catch (error) {
        if (error instanceof DamagedFileError) damaged.push(digest);
        // A server that found it damaged has set it aside.
        else if (!isMissingFile(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, copyNext));
  for (const directory of directories) await syncDirectory(directory);
  await copyLinks(`${source}/links.sqlite`, `${target}/links.sqlite`);
  return { repositoryBytes, blobs, copiedBlobs, copiedBytes, damaged };
}

function copyBlob(digest: Digest, from: BlobStore, to: BlobStore): Promise<number> {
  const expected = digestHex(digest);
  return copyVerified(from.path(digest), to.path(digest), {
    algorithm: digestAlgorithm(digest),
    isSound: (hash) => hash.toHex() === expected,
    writtenAt: SEALED_AT,
  });
}

/** A snapshot, whether anybody writes to the database or not. */
async function copyLinks(source: string, target: string): Promise<void> {
  if (!existsSync(source)) return;
  const temporary = `${target}.copying`;
  rmSync(temporary, { force: true });
  const db = new Database(source, { readwrite: true, create: false });
  try {
    db.run("PRAGMA busy_timeout = 30000");
    db.run("VACUUM INTO ?", [temporary]);
  } finally {
    db.close();
  }
  const fd = openSync(temporary, "r+");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
  for (const suffix of ["-wal", "-shm"]) rmSync(target + suffix, { force: true });
  renameSync(temporary, target);
  await syncDirectory(dirname(target));
}
