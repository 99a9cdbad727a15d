import type { ArgsDef } from "citty";
import { parseImportSelection, type SelectedImport } from "../backends/oci-http/import/import-selection.ts";
import { resolveServerConfig, type ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import { parseRole, type Role } from "../primitives/users/role.ts";
import { parseRepositoryName, type RepositoryName } from "../registry/model/repository-name.ts";
import { DATA_DIRECTORY_ARGS, splitFlags } from "./data-directory-args.ts";
import { SOURCE_ARGS } from "./import-source.ts";
import { STORAGE_ARGS } from "./offline-storage.ts";

const VALUES: ArgsDef = {
  to: { type: "string", description: "registry that gets the images", valueHint: "registry" },
  repositories: {
    type: "string",
    description: "import only these, such as 'team/**' or 'app:v*,latest'; may be given several times",
    valueHint: "pattern",
  },
  prefix: { type: "string", description: "put before the names of repositories, such as 'old/'" },
  as: { type: "string", description: "author of the commits (default: the server)", valueHint: "user" },
  users: { type: "string", description: "htpasswd file whose users are added", valueHint: "file" },
  role: { type: "string", description: "granted to these users on the registry", valueHint: "role" },
  ...SOURCE_ARGS,
};
const SWITCHES = {
  "tagged-only": { type: "boolean", description: "leave out manifests that no tag names" },
  "allow-private": {
    type: "boolean",
    description: "follow redirects of the other registry to private addresses",
  },
  "dry-run": { type: "boolean", description: "only say what would be imported" },
} as const satisfies ArgsDef;

export const IMPORT_ARGS: ArgsDef = {
  source: {
    type: "positional",
    required: false,
    description: "address of a registry, directory of one, OCI layout, or archive",
  },
  ...VALUES,
  ...SWITCHES,
  ...DATA_DIRECTORY_ARGS,
  ...STORAGE_ARGS,
};

export const IMPORT_USAGE =
  "use: everlock import [<source>] [--users <htpasswd>] --to <registry> [--repositories <pattern>] [--as <user>] [--dry-run] [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";

export interface ImportRequest {
  /** `undefined` if only users are imported. */
  readonly source: string | undefined;
  readonly to: string;
  readonly as: string | undefined;
  readonly usersFile: string | undefined;
  readonly role: Role | undefined;
  readonly unnamed: RepositoryName | undefined;
  readonly selection: SelectedImport;
  readonly isDryRun: boolean;
  readonly allowsPrivate: boolean;
  /** See `SOURCE_ARGS`. */
  readonly flags: ReadonlyMap<string, string>;
  readonly config: ServerConfig;
}

/** Reads the command line of `everlock import`. Throws `UsageError`. */
export function readImportRequest(rawArgs: readonly string[]): ImportRequest {
  const { words, flags } = splitFlags(rawArgs, { ...VALUES, ...DATA_DIRECTORY_ARGS, ...STORAGE_ARGS });
  const own = new Map<string, string>();
  const patterns: string[] = [];
  const settings: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const [, name = "", value] = flags[i]?.match(/^--([a-z-]+)(?:=(.*))?$/s) ?? [];
    const text = value ?? flags[++i] ?? "";
    if (name === "repositories") patterns.push(text);
    else if (Object.hasOwn(VALUES, name)) own.set(name, text);
    else settings.push(`--${name}=${text}`);
  }
  const isSwitch = (word: string) => word.startsWith("--") && Object.hasOwn(SWITCHES, word.slice(2));
  const has = (name: keyof typeof SWITCHES) => words.includes(`--${name}`);
  const [source, ...more] = words.filter((word) => !isSwitch(word));
  const unknown = words.find((word) => word.startsWith("-") && !isSwitch(word));
  if (unknown !== undefined) throw new UsageError(`unknown flag '${unknown}'; ${IMPORT_USAGE}`);
  const [to, usersFile] = [own.get("to"), own.get("users")];
  if (to === undefined || (source === undefined && usersFile === undefined) || more.length > 0)
    throw new UsageError(IMPORT_USAGE);
  return {
    source,
    to,
    usersFile,
    as: own.get("as"),
    role: roleIn(own.get("role")),
    unnamed: nameIn(own.get("repository")),
    selection: selectionIn(patterns, { taggedOnly: has("tagged-only"), prefix: own.get("prefix") ?? "" }),
    isDryRun: has("dry-run"),
    allowsPrivate: has("allow-private"),
    flags: own,
    config: resolveServerConfig(settings, process.env),
  };
}

function selectionIn(
  patterns: readonly string[],
  options: Parameters<typeof parseImportSelection>[1],
): SelectedImport {
  const selection = parseImportSelection(patterns, options);
  if (!("wrong" in selection)) return selection;
  throw new UsageError(
    `'${selection.wrong}' selects no repositories; use a pattern such as 'team/**', or one with tags such as 'app:v*,latest'`,
  );
}

function nameIn(text: string | undefined): RepositoryName | undefined {
  const name = text === undefined ? undefined : parseRepositoryName(text);
  if (text !== undefined && !name) throw new UsageError(`'${text}' is no name of a repository`);
  return name;
}

function roleIn(text: string | undefined): Role | undefined {
  const role = text === undefined ? undefined : parseRole(text);
  if (text !== undefined && !role)
    throw new UsageError(`'${text}' is no role; it is reader, writer or owner`);
  return role;
}
