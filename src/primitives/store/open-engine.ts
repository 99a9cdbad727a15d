import type { Logger } from "../logging/logger.ts";
import type { StorageEngine } from "./engine/engine.ts";
import { LocalEngine } from "./engine/local/local-engine.ts";
import { S3Engine } from "./engine/s3/s3-engine.ts";
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

/** The stores below a data directory of this machine; see `StoreManager` for `signal`. */
export function localStores(dataDir: string, log: Logger, signal?: AbortSignal): StoreManager {
  const location: LocalLocation = { kind: "local", dataDir };
  return new StoreManager(location, new LocalEngine(dataDir, log), log, signal);
}
