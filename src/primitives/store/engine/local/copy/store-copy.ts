import { existsSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm, digestHex } from "../../../../digest.ts";
import { removeFile, removeQuietly, syncDirectory, syncFileAt } from "../../../../fs/durable.ts";
import { makeDirectory } from "../../../../fs/durable-directory.ts";
import { isMissingFile } from "../../../../fs/files.ts";
import {
  copyVerified,
  DamagedFileError,
  removeTemporaries,
  TEMPORARY_SUFFIX,
} from "../../../../fs/verified-copy.ts";
import { damageIn } from "../../../../sqlite/database-damage.ts";
import { snapshotDatabase } from "../../../../sqlite/database-file.ts";
import { DamagedStoreError } from "../../../commits/damaged-store.ts";
import { LINKS, REBUILT_LINKS } from "../../sqlite-links/links-schema.ts";
import { LocalBlobs, SEALED_AT } from "../local-blobs.ts";
import { LocalRefs } from "../local-refs.ts";
import { traceOfLostBranch } from "../lost-branch.ts";
import { MAIN_REF } from "../repository.ts";
import { copyRepository } from "./repository-copy.ts";

export interface StoreCopy {
  /** Bytes of commits, trees and files that were copied. */
  readonly repositoryBytes: number;
  /** Blobs of the source that the copy has now. */
  readonly blobs: number;
  /** Those of them that it did not have before. */
  readonly copiedBlobs: number;
  readonly copiedBytes: number;
  /** Blobs of the source that are not what their digest says, or can't be read, and were left out. */
  readonly damaged: readonly Digest[];
}

/** Blobs copied at once: their syncs are then one wait for the disk. */
const CONCURRENCY = 8;

/**
 * Brings a copy of a store's directory up to date, and resolves once all of it would survive a power cut. The commits are
 * those of the beginning, with every blob that they need: nothing may be removed from the source meanwhile. Blobs are hashed
 * on the way; those that the copy has are not copied again. `progress` is told how many were looked at. Rejects with
 * `DamagedStoreError` where the source has lost its branch.
 */
export async function copyStore(
  source: string,
  target: string,
  progress: (blobs: number) => void,
): Promise<StoreCopy> {
  await refuseLostBranch(source);
  makeDirectory(target, 0o700);
  const repositoryBytes = await copyRepository(source, target);
  const blobs = existsSync(`${source}/blobs`)
    ? await copyBlobs(`${source}/blobs`, `${target}/blobs`, progress)
    : NO_BLOBS;
  // A server whose links were damaged has others in their place until it stops.
  const links = [REBUILT_LINKS, LINKS].map((name) => `${source}/${name}`).find((path) => existsSync(path));
  if (links !== undefined) await copyLinks(links, `${target}/${LINKS}`);
  await syncDirectory(target);
  return { repositoryBytes, ...blobs };
}

/** A copy that has the branch must not be brought to the state of a source that has lost it. */
async function refuseLostBranch(source: string): Promise<void> {
  if (await new LocalRefs(source).read(MAIN_REF)) return;
  const reason = traceOfLostBranch(source, undefined);
  if (reason !== undefined) throw new DamagedStoreError(basename(source), reason);
}

const NO_BLOBS = { blobs: 0, copiedBlobs: 0, copiedBytes: 0, damaged: [] as readonly Digest[] };

async function copyBlobs(
  source: string,
  target: string,
  progress: (blobs: number) => void,
): Promise<Omit<StoreCopy, "repositoryBytes">> {
  const ignoreDamage = () => undefined;
  const from = await LocalBlobs.open(source, ignoreDamage);
  const to = await LocalBlobs.open(target, ignoreDamage);
  const directories = DIGEST_ALGORITHMS.flatMap((algorithm) =>
    readdirSync(`${target}/${algorithm}`).map((prefix) => `${target}/${algorithm}/${prefix}`),
  );
  for (const directory of directories) removeTemporaries(directory);
  let [blobs, copiedBlobs, copiedBytes, seen] = [0, 0, 0, 0];
  const damaged: Digest[] = [];
  const list = digestsOf(from);
  let hasFailed = false;
  const copyNext = async (): Promise<void> => {
    for (let next = await list.next(); !next.done && !hasFailed; next = await list.next()) {
      const digest = next.value;
      progress(++seen);
      const copied = await to.stat(digest);
      if (copied && copied.size === (await from.stat(digest))?.size) {
        blobs++;
        continue;
      }
      try {
        const bytes = await copyBlob(digest, from, to);
        copiedBytes += bytes;
        blobs++;
        copiedBlobs++;
      } catch (error) {
        if (error instanceof DamagedFileError) damaged.push(digest);
        // A server that found it damaged has set it aside.
        else if (!isMissingFile(error)) {
          hasFailed = true;
          throw error;
        }
      }
    }
  };
  // All of them come to their end, so that none leaves half a file behind.
  const copied = await Promise.allSettled(Array.from({ length: CONCURRENCY }, copyNext));
  const failure = copied.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
  // Also for those that an earlier copy has placed and a crash has kept from being synced.
  for (const directory of [...directories, target]) await syncDirectory(directory);
  return { blobs, copiedBlobs, copiedBytes, damaged };
}

async function* digestsOf(blobs: LocalBlobs): AsyncGenerator<Digest> {
  for await (const page of blobs.list()) yield* page;
}

function copyBlob(digest: Digest, from: LocalBlobs, to: LocalBlobs): Promise<number> {
  const expected = digestHex(digest);
  return copyVerified(from.path(digest), to.path(digest), {
    algorithm: digestAlgorithm(digest),
    isSound: (hash) => hash.toHex() === expected,
    writtenAt: SEALED_AT,
  });
}

/** A snapshot, whether anybody writes to the database or not. */
async function copyLinks(source: string, target: string): Promise<void> {
  const temporary = target + TEMPORARY_SUFFIX;
  removeFile(temporary);
  try {
    snapshotDatabase(source, temporary);
    await syncFileAt(temporary);
    for (const suffix of ["-wal", "-shm"]) removeFile(target + suffix);
    renameSync(temporary, target);
  } catch (cause) {
    // Damage is that of one store, which keeps no other from being copied.
    if (damageIn(cause) !== undefined) throw new DamagedFileError(source, cause);
    throw new Error(`${source} can't be copied: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  } finally {
    removeQuietly(temporary);
  }
  await syncDirectory(dirname(target));
}
