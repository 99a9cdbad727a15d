import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import { isSystemError } from "../primitives/fs/files.ts";
import { describeStorageTrouble, storageTroubleOf } from "../primitives/fs/storage-trouble.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { DamagedStoreError } from "../primitives/store/commits/damaged-store.ts";
import { copyStore, type StoreCopy } from "../primitives/store/engine/local/copy/store-copy.ts";
import { DamagedFileError } from "../primitives/store/engine/local/copy/verified-copy.ts";
import { CorruptObjectError } from "../primitives/store/git/object.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { type AcquireOptions, DataDirectory, isLockFile } from "../server/data-directory.ts";
import { DATA_DIRECTORY_ARGS } from "./data-directory-args.ts";

/** What is kept beside the stores; clients would notice if it were made again. */
const PRIVATE_FILES = ["ssh_host_ed25519_key", "token_key", "token_uses.json", "known_networks.json"];

export const COPY_ARGS: ArgsDef = {
  dir: { type: "positional", required: false, description: "directory of the backup" },
  ...DATA_DIRECTORY_ARGS,
};

export interface CopyDirectories {
  /** Of the backup. */
  readonly dir: string;
  readonly dataDir: string;
  readonly config: ServerConfig;
}

/** Reads the command line of `backup` and `restore-backup`. Throws `UsageError`. */
export function directoriesOf(rawArgs: readonly string[], usage: string): CopyDirectories {
  const at = rawArgs.findIndex((arg, i) => !arg.startsWith("-") && !/^--[a-z-]+$/.test(rawArgs[i - 1] ?? ""));
  const dir = rawArgs[at];
  if (dir === undefined) throw new UsageError(usage);
  const config = resolveServerConfig(rawArgs.toSpliced(at, 1), process.env);
  const dataDir = resolve(config.dataDir);
  if (resolve(dir) === dataDir) throw new UsageError(`${dir} is the data directory itself; ${usage}`);
  return { dir: resolve(dir), dataDir, config };
}

/** What a copy that was killed at its very beginning leaves: the half of a marker, and nothing else. */
const HALF_MARKERS = ["everlock-backup.json.new", "everlock-restore.json.new"];

/** Whether a directory holds nothing, or does not exist; what locking it or beginning has left does not count. */
export function isEmpty(dir: string): boolean {
  return (
    !existsSync(dir) || readdirSync(dir).every((name) => isLockFile(name) || HALF_MARKERS.includes(name))
  );
}

/** Runs `work` while no server and no other command uses the directory. */
export async function withDirectory<T>(
  path: string,
  work: () => Promise<T>,
  options?: AcquireOptions,
): Promise<T> {
  const directory = DataDirectory.acquire(path, options);
  try {
    return await work();
  } finally {
    directory.release();
  }
}

/** Like `withDirectory` for a backup that is only read: on a read-only file system nobody can change it. */
export function readingBackup<T>(path: string, work: () => Promise<T>): Promise<T> {
  return isReadOnly(path) ? work() : withDirectory(path, work, { what: "backup" });
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return isSystemError(error, "EROFS");
  }
}

export interface DataCopy {
  readonly copies: ReadonlyMap<StoreName, StoreCopy>;
  /** Of the stores that could not be copied. */
  readonly failures: ReadonlyMap<StoreName, Error>;
}

/**
 * Copies every store and what belongs to them, reports each, and answers what came of it. Damaged blobs are left out. A store
 * whose commits are damaged, as `damaged` names some already, keeps none of the others from being copied.
 */
export async function copyAll(
  source: string,
  target: string,
  damaged: ReadonlyMap<StoreName, Error> = new Map(),
): Promise<DataCopy> {
  const copies = new Map<StoreName, StoreCopy>();
  const failures = new Map<StoreName, Error>();
  for (const name of (await localStores(source, consoleLogger).list()).toSorted()) {
    const copy = damaged.get(name) ?? (await copyOne(name, source, target));
    if (copy instanceof Error) failures.set(name, copy);
    else copies.set(name, copy);
  }
  for (const name of PRIVATE_FILES) {
    const path = `${source}/${name}`;
    if (existsSync(path)) await replaceFile(`${target}/${name}`, readFileSync(path), 0o600);
  }
  return { copies, failures };
}

/** Throws what kept stores from being copied. */
export function refuseFailures({ failures }: DataCopy): void {
  if (failures.size > 0) throw new Error([...failures.values()].map(({ message }) => message).join("; "));
}

async function copyOne(name: StoreName, source: string, target: string): Promise<StoreCopy | Error> {
  const progress = (blobs: number) => showProgress(name, blobs);
  try {
    const copy = await copyStore(`${source}/${name}`, `${target}/${name}`, progress);
    showProgress();
    process.stdout.write(`${name}: ${describe(copy)}\n`);
    for (const digest of copy.damaged)
      process.stderr.write(`${name}: the blob ${digest} is damaged and was left out\n`);
    return copy;
  } catch (error) {
    showProgress();
    if (!isDamage(error)) throw error;
    return error;
  }
}

/** Whether an error says that one store is damaged, and nothing of the others. */
export function isDamage(error: unknown): error is Error {
  return (
    error instanceof DamagedStoreError ||
    error instanceof DamagedFileError ||
    error instanceof CorruptObjectError
  );
}

/** Runs `work`, and says that it is not finished if that fails, and how it will be. */
export async function finishing<T>(what: string, howToGoOn: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const trouble = storageTroubleOf(error);
    const reason = error instanceof Error ? error.message : String(error);
    const words =
      trouble === "no-room" ? "there is no room on the disk" : trouble && describeStorageTrouble(trouble);
    // It says all there is to say, so that no cause is passed on that would be put into words again.
    throw new Error(`${what} is not finished: ${words ? `${words} (${reason})` : reason}; ${howToGoOn}`);
  }
}

function describe({ repositoryBytes, blobs, copiedBlobs, copiedBytes }: StoreCopy): string {
  return `${formatSize(repositoryBytes)} of history copied, ${blobs} blobs, of which ${copiedBlobs} were copied (${formatSize(copiedBytes)})`;
}

const PROGRESS_MS = 200;
let shown = 0;

/** On a terminal, in a line that the next one overwrites. */
function showProgress(name?: string, blobs?: number): void {
  if (!process.stderr.isTTY) return;
  const now = performance.now();
  if (name !== undefined && now - shown < PROGRESS_MS) return;
  shown = now;
  process.stderr.write(name === undefined ? "\r\u001b[K" : `\r\u001b[K${name}: ${blobs} blobs`);
}
