import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ArgsDef, defineCommand } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { DataDirectory } from "../data-directory.ts";
import { withRemoteHold } from "../frontends/control/control-client.ts";
import { formatSize } from "../primitives/byte-size.ts";
import { consoleLogger } from "../primitives/logger.ts";
import { replaceFile } from "../primitives/store/durable.ts";
import { copyStore, type StoreCopy } from "../primitives/store/store-copy.ts";
import { StoreManager, type StoreName } from "../primitives/store/store-manager.ts";
import { DATA_DIRECTORY_ARGS } from "./data-directory-args.ts";

/** What is kept beside the stores and can't be made anew without clients noticing. */
const PRIVATE_FILES = ["ssh_host_ed25519_key", "token_key", "token_uses.json"];
/** Tells that a directory is a backup. */
const MARKER = "everlock-backup.json";
const VERSION = 1;

interface Marker {
  readonly version: number;
  /** When; `null` while it is not. */
  readonly finished: string | null;
  readonly stores: readonly StoreName[];
}

const BACKUP_USAGE = "use: everlock backup <dir> [--data-dir <dir>]";
const RESTORE_USAGE = "use: everlock restore-backup <dir> [--data-dir <dir>]";

const ARGS: ArgsDef = {
  dir: { type: "positional", required: false, description: "directory of the backup" },
  ...DATA_DIRECTORY_ARGS,
};

export const backup = defineCommand({
  meta: {
    name: "backup",
    description:
      "Copy everything to another directory, also while the server runs; what that has already is not copied again",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { dir, dataDir } = directoriesOf(rawArgs, BACKUP_USAGE);
    if (!existsSync(dataDir)) throw new UsageError(`there is no data directory ${dataDir}; ${BACKUP_USAGE}`);
    const isBackup = existsSync(`${dir}/${MARKER}`);
    if (!isBackup && !isEmpty(dir))
      throw new UsageError(`${dir} holds something else than a backup; ${BACKUP_USAGE}`);
    await withDirectory(dir, async () => {
      if (!isBackup) await writeMarker(dir, { finished: null, stores: [] });
      const copy = () => copyAll(dataDir, dir);
      const held = await withRemoteHold(dataDir, copy);
      const { stores, damaged } =
        held?.result ??
        (await withDirectory(dataDir, async () => {
          await finishCommits(dataDir);
          return copy();
        }));
      await writeMarker(dir, { finished: new Date().toISOString(), stores });
      refuseDamage(damaged, dir);
    });
  },
});

export const restoreBackup = defineCommand({
  meta: {
    name: "restore-backup",
    description: "Make a data directory of a backup; every blob is hashed on the way",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const { dir, dataDir } = directoriesOf(rawArgs, RESTORE_USAGE);
    if (!existsSync(`${dir}/${MARKER}`)) throw new UsageError(`${dir} is no backup; ${RESTORE_USAGE}`);
    const { version, finished } = JSON.parse(readFileSync(`${dir}/${MARKER}`, "utf8")) as Marker;
    if (version !== VERSION) throw new Error(`${dir} was made by another version of Everlock (${version})`);
    if (finished === null) throw new Error(`${dir} is not finished; 'everlock backup' goes on with it`);
    if (!isEmpty(dataDir))
      throw new UsageError(`the data directory ${dataDir} is not empty; name another with --data-dir`);
    const copy = () => copyAll(dir, dataDir);
    const { damaged } = await withDirectory(dir, () => withDirectory(dataDir, copy));
    refuseDamage(damaged, dataDir);
  },
});

function directoriesOf(rawArgs: readonly string[], usage: string): { dir: string; dataDir: string } {
  const at = rawArgs.findIndex((arg, i) => !arg.startsWith("-") && !/^--[a-z-]+$/.test(rawArgs[i - 1] ?? ""));
  const dir = rawArgs[at];
  if (dir === undefined) throw new UsageError(usage);
  const config = resolveServerConfig(rawArgs.toSpliced(at, 1), process.env);
  const dataDir = resolve(config.dataDir);
  if (resolve(dir) === dataDir) throw new UsageError(`${dir} is the data directory itself; ${usage}`);
  return { dir: resolve(dir), dataDir };
}

function isEmpty(dir: string): boolean {
  return !existsSync(dir) || readdirSync(dir).length === 0;
}

function writeMarker(dir: string, { finished, stores }: Omit<Marker, "version">): Promise<void> {
  const marker: Marker = { version: VERSION, finished, stores };
  return replaceFile(`${dir}/${MARKER}`, Buffer.from(`${JSON.stringify(marker)}\n`), 0o600);
}

/** Runs `work` while no server and no other command uses the directory. */
async function withDirectory<T>(path: string, work: () => Promise<T>): Promise<T> {
  const directory = DataDirectory.acquire(path);
  try {
    return await work();
  } finally {
    directory.release();
  }
}

/** What a crashed server had acknowledged comes to the branch when its store is opened. */
async function finishCommits(dataDir: string): Promise<void> {
  const manager = new StoreManager(dataDir, consoleLogger);
  for (const name of manager.list()) await (await manager.open(name)).close();
}

function refuseDamage(damaged: number, target: string): void {
  if (damaged > 0) throw new Error(`${damaged} damaged blobs were left out; all else is in ${target}`);
}

/** Copies every store and what belongs to them, reports each, and answers their names. What is damaged is left out. */
async function copyAll(source: string, target: string): Promise<{ stores: StoreName[]; damaged: number }> {
  const stores = new StoreManager(source, consoleLogger).list().toSorted();
  let damaged = 0;
  for (const name of stores) {
    const progress = (blobs: number) => showProgress(name, blobs);
    const copy = await copyStore(`${source}/${name}`, `${target}/${name}`, progress);
    showProgress();
    process.stdout.write(`${name}: ${describe(copy)}\n`);
    for (const digest of copy.damaged)
      process.stderr.write(`${name}: the blob ${digest} is damaged and was left out\n`);
    damaged += copy.damaged.length;
  }
  for (const name of PRIVATE_FILES) {
    const path = `${source}/${name}`;
    if (existsSync(path)) await replaceFile(`${target}/${name}`, readFileSync(path), 0o600);
  }
  return { stores, damaged };
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
