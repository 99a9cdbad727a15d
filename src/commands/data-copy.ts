import { accessSync, existsSync, constants as fsConstants, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { failureOf } from "../primitives/errors/failure.ts";
import { ExpectedError } from "../primitives/expected-error.ts";
import { asOwner, giveToOwner, giveToOwnerAbove } from "../primitives/fs/directory-owner.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import { isSystemError } from "../primitives/fs/files.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { copyStore, type StoreCopy } from "../primitives/store/engine/local/copy/store-copy.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { formatSize } from "../primitives/text/byte-size.ts";
import { type AcquireOptions, DataDirectory, isLockFile } from "../server/data-directory.ts";
import { CommandError } from "./command-error.ts";
import { CLEAR } from "./copy-progress.ts";
import { DATA_DIRECTORY_ARGS } from "./data-directory-args.ts";

/** Files beside the stores that must be copied, because clients would notice new ones, or they can't be made again. */
const PRIVATE_FILES = [
  ...["ssh_host_ed25519_key", "token_key", "upstream_credentials"],
  ...["token_uses.json", "known_networks.json"],
];

const INTERRUPTIONS = ["SIGINT", "SIGTERM"] as const;

export const COPY_ARGS: ArgsDef = {
  dir: { type: "positional", required: false, description: "directory of the backup" },
  ...DATA_DIRECTORY_ARGS,
};

export interface CopyDirectories {
  /** The backup's directory. */
  readonly dir: string;
  readonly dataDir: string;
  readonly config: ServerConfig;
}

/** Parses the command line of `backup` and `restore-backup`. Throws `UsageError`. */
export function directoriesOf(rawArgs: readonly string[], usage: string): CopyDirectories {
  const at = rawArgs.findIndex((arg, i) => !arg.startsWith("-") && !/^--[a-z-]+$/.test(rawArgs[i - 1] ?? ""));
  const dir = rawArgs[at];
  if (dir === undefined) throw new UsageError(usage);
  const config = resolveServerConfig(rawArgs.toSpliced(at, 1), process.env);
  const dataDir = resolve(config.dataDir);
  if (resolve(dir) === dataDir) throw new UsageError(`${dir} is the data directory itself; ${usage}`);
  return { dir: resolve(dir), dataDir, config };
}

/** Temporary files of a copy that was killed before it wrote its marker. */
const HALF_MARKERS = ["everlock-backup.json.new", "everlock-restore.json.new"];

/** Whether a directory is empty or missing, not counting lock files and half-written markers. */
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
  const acquire = () => DataDirectory.acquire(path, options);
  const isCopy = options?.what !== undefined;
  const give = existsSync(path) ? giveToOwner : existsSync(dirname(path)) ? giveToOwnerAbove : undefined;
  // The other directory may be one that only root can use, so the process stays root for the work.
  const directory = isCopy || give !== giveToOwner ? acquire() : await asOwner(path, acquire);
  try {
    return await work();
  } finally {
    directory.release();
    if (!isCopy) give?.(path);
  }
}

/** Like `withDirectory`, for reading a backup. A backup on a read-only file system needs no lock. */
export function readingBackup<T>(path: string, work: () => Promise<T>): Promise<T> {
  return isReadOnly(path) ? work() : withDirectory(path, work, { what: "backup" });
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, fsConstants.W_OK);
    return false;
  } catch (error) {
    return isSystemError(error, "EROFS");
  }
}

export interface DataCopy {
  readonly copies: ReadonlyMap<StoreName, StoreCopy>;
  /** The stores that could not be copied, with the error. */
  readonly failures: ReadonlyMap<StoreName, Error>;
}

/**
 * Copies every store and the files beside them, and prints a line for each store. Damaged blobs are skipped. Stores with
 * damaged commits (`damaged` are the known ones) are skipped, and the others are still copied.
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

/** Throws if a store could not be copied. */
export function refuseFailures({ failures }: DataCopy): void {
  if (failures.size > 0)
    throw new CommandError([...failures.values()].map(({ message }) => message).join("; "));
}

async function copyOne(name: StoreName, source: string, target: string): Promise<StoreCopy | Error> {
  const progress = (blobs: number) => showProgress(name, blobs);
  try {
    const copy = await copyStore(`${source}/${name}`, `${target}/${name}`, progress);
    showProgress();
    reportCopy(name, copy);
    return copy;
  } catch (error) {
    showProgress();
    if (!isDamage(error)) throw error;
    return error;
  }
}

/** Whether the error means damage to one store, so that the other stores can be copied. */
export function isDamage(error: unknown): error is Error {
  return failureOf(error).kind === "damaged";
}

/** Runs `work`. If it fails, throws an error that says how to continue; a signal that ends the process prints that too. */
export async function finishing<T>(what: string, howToContinue: string, work: () => Promise<T>): Promise<T> {
  const interrupted = (signal: NodeJS.Signals) => {
    const clear = process.stderr.isTTY ? CLEAR : "";
    process.stderr.write(`${clear}everlock: ${what} is not finished: it was interrupted; ${howToContinue}\n`);
    // Others that listen end the process after their work.
    if (process.listenerCount(signal) === 1) process.exit(128 + (constants.signals[signal] ?? 0));
  };
  for (const signal of INTERRUPTIONS) process.prependListener(signal, interrupted);
  try {
    return await work();
  } catch (error) {
    // The same command would fail again.
    if (error instanceof ExpectedError && error.kind === "invalid") throw error;
    const { kind, words, detail, trouble } = failureOf(error);
    if (kind === "bug") consoleLogger.error(`${what} failed`, error);
    const reason = kind === "bug" ? "internal error" : detail;
    const description = trouble === "no-room" ? "there is no room on the disk" : kind === "storage" && words;
    // Without `cause`: the message is complete, and a cause would be described twice.
    throw new CommandError(
      `${what} is not finished: ${description ? `${description} (${reason})` : reason}; ${howToContinue}`,
    );
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, interrupted);
  }
}

/** Prints what was copied of a store. */
export function reportCopy(
  name: StoreName,
  { repositoryBytes, blobs, copiedBlobs, copiedBytes, damaged }: StoreCopy,
): void {
  process.stdout.write(
    `${name}: ${formatSize(repositoryBytes)} of history copied, ${blobs} blobs, of which ${copiedBlobs} were copied (${formatSize(copiedBytes)})\n`,
  );
  for (const digest of damaged)
    process.stderr.write(`${name}: the blob ${digest} is damaged and was skipped\n`);
}

const PROGRESS_MS = 200;
let shown = 0;

/** On a terminal only, in a line that the next output overwrites. */
function showProgress(name?: string, blobs?: number): void {
  if (!process.stderr.isTTY) return;
  const now = performance.now();
  if (name !== undefined && now - shown < PROGRESS_MS) return;
  shown = now;
  process.stderr.write(name === undefined ? "\r\u001b[K" : `\r\u001b[K${name}: ${blobs} blobs`);
}
