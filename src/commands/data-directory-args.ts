import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { SETTINGS, type Setting, UsageError } from "../config/settings.ts";
import { storageName } from "../config/storage-config.ts";
import { markedStorage } from "../server/storage-marker.ts";

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
  return existingDirectory(resolveServerConfig(flags, process.env), usage);
}

function existingDirectory({ dataDir }: Pick<ServerConfig, "dataDir">, usage: string): string {
  if (!existsSync(dataDir))
    throw new UsageError(
      `there is no data directory ${resolve(dataDir)}; --data-dir <dir> or --config <file> names it; ${usage}`,
    );
  return resolve(dataDir);
}

/**
 * The data directory whose server may do the work: it must exist, or for a bucket be that of a node of it (`undefined`
 * if it is none). Throws `UsageError`.
 */
export function serverDirectory(config: ServerConfig, usage: string): string | undefined {
  if (config.storage.kind === "local") return existingDirectory(config, usage);
  const dataDir = resolve(config.dataDir);
  return markedStorage(dataDir)?.storage === storageName(config.storage) ? dataDir : undefined;
}

/** The words of a command line, and its flags: settings of the server, and unknown ones, which `resolveServerConfig` refuses. */
export function wordsAndFlags(args: readonly string[]): { words: string[]; flags: string[] } {
  const { words, flags } = splitFlags(args, VALUED_SETTINGS);
  const isFlag = (word: string) => word.startsWith("-");
  return { words: words.filter((word) => !isFlag(word)), flags: [...flags, ...words.filter(isFlag)] };
}

const VALUED_SETTINGS = Object.fromEntries(
  Object.entries<Setting>(SETTINGS).filter(([, { type }]) => type !== "boolean"),
);

/** Separates words from flags that have values, and their values. */
export function splitFlags(
  args: readonly string[],
  known: Readonly<Record<string, unknown>> = PASSWORD_ARGS,
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
