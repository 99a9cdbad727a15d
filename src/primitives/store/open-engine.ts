import type { Logger } from "../logging/logger.ts";
import type { S3Storage } from "../s3/s3-storage.ts";
import type { StorageEngine } from "./engine/engine.ts";
import { LocalStorageTarget } from "./engine/local/copy/local-storage-target.ts";
import { LocalEngine } from "./engine/local/local-engine.ts";
import { S3StorageTarget } from "./engine/s3/copy/s3-storage-target.ts";
import { bucketOf, S3Engine } from "./engine/s3/s3-engine.ts";
import type { StorageTarget } from "./engine/storage-target.ts";
import type { EngineLocation, LocalLocation } from "./engine-location.ts";
import { StoreManager } from "./store-manager.ts";

/** The one place that knows all engines. */
export function openEngine(location: EngineLocation, log: Logger): StorageEngine {
  return location.kind === "local" ? new LocalEngine(location.dataDir, log) : new S3Engine(location, log);
}

/** The stores of a server. */
export interface OpenedStorage {
  readonly stores: StoreManager;
  /** Of what is in the bucket, if the storage is one; see `checkBucket`. */
  readonly identity: string | undefined;
}

/** Opens the stores of a server, once the storage was found to be usable; see `StoreManager` for `signal`. */
export async function openStorage(
  location: EngineLocation,
  log: Logger,
  signal?: AbortSignal,
): Promise<OpenedStorage> {
  const engine = openEngine(location, log);
  const identity = engine instanceof S3Engine ? await engine.check() : undefined;
  return { stores: new StoreManager(location, engine, log, signal), identity };
}

/** Like `openStorage`, for a command that uses what a server has made. */
export async function openUsedStorage(location: EngineLocation, log: Logger): Promise<UsedStorage> {
  const engine = openEngine(location, log);
  if (engine instanceof S3Engine) await engine.checkUsed();
  return { engine, stores: new StoreManager(location, engine, log) };
}

export interface UsedStorage {
  readonly engine: StorageEngine;
  readonly stores: StoreManager;
}

/** How long the object store may take for a request of a copy, also over a slow line (ms). */
const COPY_TIMEOUT_MS = 120_000;

/**
 * Begins a copy of the storage that `from` names, or goes on with it. A directory is locked, and is empty or has that copy.
 * Rejects with `ForeignBucketError` where a bucket has something else.
 */
export function openTarget(
  location: LocalLocation | ({ readonly kind: "s3" } & S3Storage),
  from: string,
): Promise<StorageTarget> {
  if (location.kind === "local") return LocalStorageTarget.begin(location.dataDir, from);
  return S3StorageTarget.begin(bucketOf(location, { timeoutMs: COPY_TIMEOUT_MS }), from);
}

/** The stores below a data directory of this machine; see `StoreManager` for `signal`. */
export function localStores(dataDir: string, log: Logger, signal?: AbortSignal): StoreManager {
  const location: LocalLocation = { kind: "local", dataDir };
  return new StoreManager(location, new LocalEngine(dataDir, log), log, signal);
}
