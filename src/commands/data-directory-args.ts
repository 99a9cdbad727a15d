import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { becomeOwner } from "../primitives/fs/directory-owner.ts";
import { DataDirectory } from "../server/data-directory.ts";

/** Flags of the commands that work on a data directory while no server runs. */
export const DATA_DIRECTORY_ARGS = {
  "data-dir": { type: "string", description: "data directory (default: data)", valueHint: "dir" },
  config: { type: "string", description: "the server's configuration file", valueHint: "file" },
} as const satisfies ArgsDef;

/** Flags of those that also set passwords. */
export const PASSWORD_ARGS = {
  ...DATA_DIRECTORY_ARGS,
  "password-min-length": {
    type: "string",
    description: "smallest length of new passwords (default: 8)",
    valueHint: "count",
  },
} as const satisfies ArgsDef;

/**
 * Locks the data directory from the flags, which must exist. If root runs the command on another user's directory, the
 * process becomes that user. Throws `UsageError` or `DataDirectoryError`.
 */
export function acquireDataDirectory(flags: readonly string[], usage: string): DataDirectory {
  const { dataDir } = resolveServerConfig(flags, process.env);
  if (!existsSync(dataDir)) throw new UsageError(`there is no data directory ${resolve(dataDir)}; ${usage}`);
  becomeOwner(dataDir);
  return DataDirectory.acquire(dataDir);
}
