import type { Logger } from "../logging/logger.ts";
import type { StorageEngine } from "./engine/engine.ts";
import { LocalEngine } from "./engine/local/local-engine.ts";
import { type EngineLocation, StoreManager } from "./store-manager.ts";

/** The one place that knows all engines. */
export function openEngine({ dataDir }: EngineLocation, log: Logger): StorageEngine {
  return new LocalEngine(dataDir, log);
}

/** The stores below a data directory of this machine; see `StoreManager` for `signal`. */
export function localStores(dataDir: string, log: Logger, signal?: AbortSignal): StoreManager {
  const location: EngineLocation = { kind: "local", dataDir };
  return new StoreManager(location, openEngine(location, log), log, signal);
}
