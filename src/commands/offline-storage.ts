import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import type { ServerConfig } from "../config/server-config.ts";
import { SETTINGS, UsageError } from "../config/settings.ts";
import { storageName } from "../config/storage-config.ts";
import { becomeOwner } from "../primitives/fs/directory-owner.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { SeenNode } from "../primitives/store/engine/nodes.ts";
import { nodeName } from "../primitives/store/node-name.ts";
import { openUsedStorage, type UsedStorage } from "../primitives/store/open-engine.ts";
import { DataDirectory } from "../server/data-directory.ts";

const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const KEY_SETTINGS = ["storage-endpoint", "storage-region", "storage-credentials", "storage-ca"] as const;

/** Flags that say how an object store is reached; a URL names the bucket. */
export const OBJECT_STORE_ARGS: ArgsDef = Object.fromEntries(
  KEY_SETTINGS.map((name) => {
    const { help, hint } = SETTINGS[name];
    return [name, { type: "string", description: help, valueHint: hint }];
  }),
);

/** Flags that say where the stores are, of commands that also use a bucket. */
export const STORAGE_ARGS: ArgsDef = {
  storage: { type: "string", description: SETTINGS.storage.help, valueHint: SETTINGS.storage.hint },
  ...OBJECT_STORE_ARGS,
};

/** A storage that a command uses by itself, not through a server. */
export interface OfflineStorage extends UsedStorage, AsyncDisposable {
  /** The data directory, or the URL of the bucket, for messages. */
  readonly place: string;
  /** Whether servers may be using it at the same time, as nodes do a bucket. */
  readonly isShared: boolean;
  /** The data directory, or for a bucket one that is removed at the end. */
  readonly dir: string;
  /** The nodes that use it now. */
  liveNodes(): Promise<readonly SeenNode[]>;
}

/**
 * Opens the storage that the settings name. A data directory must exist, and is locked until the end; if root runs the command
 * on another user's directory, the process becomes that user. A bucket must have been used by a node. Throws `UsageError`,
 * `DataDirectoryError` and what the object store refuses.
 */
export async function openOffline(
  { dataDir, storage }: Pick<ServerConfig, "dataDir" | "storage">,
  usage: string,
): Promise<OfflineStorage> {
  await using undo = new AsyncDisposableStack();
  if (storage.kind === "local") {
    const directory = acquireExisting(resolve(dataDir), usage);
    undo.defer(() => directory.release());
    const used = await openUsedStorage({ kind: "local", dataDir: directory.path }, consoleLogger);
    return opened(used, { place: directory.path, isShared: false, dir: directory.path }, undo.move());
  }
  const dir = undo.adopt(mkdtempSync(`${tmpdir()}/everlock-`), remove);
  undo.defer(removeIfEnded(dir));
  // A command serves no clients.
  const location = { ...storage, dataDir: dir, node: nodeName(), cache: undefined, redirectAbove: undefined };
  const used = await openUsedStorage(location, consoleLogger);
  return opened(used, { place: storageName(storage) ?? "", isShared: true, dir }, undo.move());
}

const remove = (dir: string) => rmSync(dir, { recursive: true, force: true });

/** Removes a directory, which may hold copies of commits, if a signal ends the command before the returned function is called. */
function removeIfEnded(dir: string): () => void {
  const end = (signal: NodeJS.Signals) => {
    remove(dir);
    process.exit(128 + (constants.signals[signal] ?? 0));
  };
  for (const signal of ENDING) process.on(signal, end);
  return () => {
    for (const signal of ENDING) process.off(signal, end);
  };
}

function acquireExisting(dataDir: string, usage: string): DataDirectory {
  if (!existsSync(dataDir))
    throw new UsageError(
      `there is no data directory ${dataDir}; --data-dir <dir> or --config <file> names it; ${usage}`,
    );
  becomeOwner(dataDir);
  return DataDirectory.acquire(dataDir);
}

function opened(
  { engine, stores }: UsedStorage,
  about: Pick<OfflineStorage, "place" | "isShared" | "dir">,
  closing: AsyncDisposableStack,
): OfflineStorage {
  return {
    ...about,
    engine,
    stores,
    liveNodes: async () => (await (await engine.openNodes()).list()).filter(({ isGone }) => !isGone),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
