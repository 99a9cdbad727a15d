import { existsSync, readFileSync, rmSync } from "node:fs";
import { replaceFile, syncDirectory } from "../../../../fs/durable.ts";

/** What has begun to fill a data directory and has not finished. */
export interface UnfinishedCopy {
  readonly by: "restore-backup" | "storage copy";
  /** A directory or URL. */
  readonly from: string;
}

function pathIn(dataDir: string): string {
  return `${dataDir}/everlock-restore.json`;
}

/** `undefined` for a directory that is whole. */
export function unfinishedCopyIn(dataDir: string): UnfinishedCopy | undefined {
  const path = pathIn(dataDir);
  if (!existsSync(path)) return undefined;
  let [by, from]: unknown[] = [];
  try {
    ({ by, from } = JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // A restore that was killed at its very beginning.
  }
  return {
    by: by === "storage copy" ? by : "restore-backup",
    from: typeof from === "string" ? from : "<dir>",
  };
}

/** Resolves when the directory counts as unfinished, also after a power cut. */
export async function markUnfinished(dataDir: string, copy: UnfinishedCopy): Promise<void> {
  await replaceFile(pathIn(dataDir), Buffer.from(`${JSON.stringify(copy)}\n`), 0o600);
}

/** Resolves when the directory counts as whole. */
export async function markFinished(dataDir: string): Promise<void> {
  await syncDirectory(dataDir);
  rmSync(pathIn(dataDir));
  await syncDirectory(dataDir);
}

/** The command that goes on with a copy. */
export function resumption({ by, from }: UnfinishedCopy, dataDir: string): string {
  return by === "storage copy"
    ? `everlock storage copy ${from} ${dataDir}`
    : `everlock restore-backup ${from} --data-dir ${dataDir}`;
}
