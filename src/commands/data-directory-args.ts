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

/** The data directory from the flags, which must exist. Throws `UsageError`. */
export function existingDataDirectory(flags: readonly string[], usage: string): string {
  const { dataDir } = resolveServerConfig(flags, process.env);
  if (!existsSync(dataDir))
    throw new UsageError(
      `there is no data directory ${resolve(dataDir)}; --data-dir <dir> or --config <file> names it; ${usage}`,
    );
  return resolve(dataDir);
}

/**
 * Locks the data directory from the flags, which must exist. If root runs the command on another user's directory, the
 * process becomes that user. Throws `UsageError` or `DataDirectoryError`.
 */
export function acquireDataDirectory(flags: readonly string[], usage: string): DataDirectory {
  const dataDir = existingDataDirectory(flags, usage);
  becomeOwner(dataDir);
  return DataDirectory.acquire(dataDir);
}

/** The words of a command line, and the rest of it, which may hold unknown flags. `known`: the flags that have values. */
export function wordsAndFlags(args: readonly string[], known: ArgsDef): { words: string[]; flags: string[] } {
  const { words, flags } = splitFlags(args, known);
  const isFlag = (word: string) => word.startsWith("-");
  return { words: words.filter((word) => !isFlag(word)), flags: [...flags, ...words.filter(isFlag)] };
}

/** Separates words from flags that have values, and their values. */
export function splitFlags(
  args: readonly string[],
  known: ArgsDef = PASSWORD_ARGS,
): { words: string[]; flags: string[] } {
  const words: string[] = [];
  const flags: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [, name, value] = arg.match(/^--([a-z-]+)(=.*)?$/s) ?? [];
    if (name === undefined || !Object.hasOwn(known, name)) words.push(arg);
    else flags.push(...(value === undefined ? [arg, args[++i] ?? ""] : [arg]));
  }
  return { words, flags };
}
