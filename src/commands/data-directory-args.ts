import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { DataDirectory } from "../server/data-directory.ts";

/** Flags of the commands that work on a data directory while no server runs. */
export const DATA_DIRECTORY_ARGS = {
  "data-dir": { type: "string", description: "data directory (default: data)", valueHint: "dir" },
  config: { type: "string", description: "the server's configuration file", valueHint: "file" },
} as const satisfies ArgsDef;

/** Locks the data directory from the flags, which must exist. Throws `UsageError` or `DataDirectoryError`. */
export function acquireDataDirectory(flags: readonly string[], usage: string): DataDirectory {
  const { dataDir } = resolveServerConfig(flags, process.env);
  if (!existsSync(dataDir)) throw new UsageError(`there is no data directory ${resolve(dataDir)}; ${usage}`);
  return DataDirectory.acquire(dataDir);
}
