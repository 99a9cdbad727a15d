import type { Logger } from "../logging/logger.ts";
import type { S3Storage } from "../s3/s3-storage.ts";
import type { StorageEngine } from "./engine/engine.ts";
import { LocalStorageTarget } from "./engine/local/copy/local-storage-target.ts";
import { LocalEngine } from "./engine/local/local-engine.ts";
import type { StorageTarget } from "./engine/storage-target.ts";
import type { EngineLocation, LocalLocation, S3EngineLocation } from "./engine-location.ts";
import { StoreManager } from "./store-manager.ts";

/** The one place that knows all engines. The code for an object store is loaded where there is one. */
export async function openEngine(location: EngineLocation, log: Logger): Promise<StorageEngine> {
  return location.kind === "local" ? new LocalEngine(location.dataDir, log) : openS3(location, log);
}

async function openS3(location: S3EngineLocation, log: Logger) {
  const { S3Engine } = await import("./engine/s3/s3-engine.ts");
  return new S3Engine(location, log);
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
  if (location.kind === "local") {
    return { stores: localStores(location.dataDir, log, signal), identity: undefined };
  }
  const engine = await openS3(location, log);
  const identity = await engine.check();
  return { stores: new StoreManager(location, engine, log, signal), identity };
}

/** Like `openStorage`, for a command that uses what a server has made. */
export async function openUsedStorage(location: EngineLocation, log: Logger): Promise<UsedStorage> {
  if (location.kind === "local") {
    const engine = new LocalEngine(location.dataDir, log);
    return { engine, stores: new StoreManager(location, engine, log) };
  }
  const engine = await openS3(location, log);
  await engine.checkUsed();
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
export async function openTarget(
  location: LocalLocation | ({ readonly kind: "s3" } & S3Storage),
  from: string,
): Promise<StorageTarget> {
  if (location.kind === "local") return LocalStorageTarget.begin(location.dataDir, from);
  const [{ S3StorageTarget }, { bucketOf }] = await Promise.all([
    import("./engine/s3/copy/s3-storage-target.ts"),
    import("./engine/s3/s3-engine.ts"),
  ]);
  return S3StorageTarget.begin(bucketOf(location, { timeoutMs: COPY_TIMEOUT_MS }), from);
}

/** The stores below a data directory of this machine; see `StoreManager` for `signal`. */
export function localStores(dataDir: string, log: Logger, signal?: AbortSignal): StoreManager {
  const location: LocalLocation = { kind: "local", dataDir };
  return new StoreManager(location, new LocalEngine(dataDir, log), log, signal);
}
