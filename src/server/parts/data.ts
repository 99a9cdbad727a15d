import { exposureOf } from "../../config/secret-file.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import type { StorageConfig } from "../../config/storage-config.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import type { EngineLocation } from "../../primitives/store/engine-location.ts";
import { nodeName } from "../../primitives/store/node-name.ts";
import { openStorage } from "../../primitives/store/open-engine.ts";
import { serverPart } from "./context.ts";

export const DIRECTORY = serverPart({
  name: "the data directory",
  needs: {},
  start: (_, { acquireDirectory }) => acquireDirectory(),
  stop: (directory) => directory.release(),
});

/** Opens stores, and reserves disk space for them. */
export const STORES = serverPart({
  name: "the stores' room in reserve",
  starting: "opening the storage",
  needs: { directory: DIRECTORY },
  start: async ({ directory }, { config, log, signal }) => {
    warnOfExposure(config.storage, log);
    const location = locationOf(config, directory.path);
    const { stores, identity } = await openStorage(location, log, signal);
    if (identity !== undefined) await directory.claim(identity);
    return { stores, release: stores.room.keepReserve() };
  },
  stop: ({ release }) => release(),
});

function warnOfExposure(storage: StorageConfig, log: Pick<Logger, "warn">): void {
  const path = storage.kind === "s3" ? storage.credentialsFile : undefined;
  const exposure = path && exposureOf(path);
  if (exposure)
    log.warn(`--storage-credentials: ${path} is ${exposure} by other users; run 'chmod 600 ${path}'`);
}

function locationOf({ storage, http }: ServerConfig, dataDir: string): EngineLocation {
  if (storage.kind === "local") return { kind: "local", dataDir };
  const uploadThreads = http?.workers ?? 1;
  return { ...storage, dataDir, node: nodeName(), uploadThreads };
}
