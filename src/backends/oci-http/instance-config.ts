import { parse, stringify, TomlError } from "smol-toml";
import { parseSize, writeSize } from "../../primitives/byte-size.ts";
import { formatDuration, parseDuration } from "../../primitives/duration.ts";
import { type ObjectId, parseObjectId } from "../../primitives/store/git/object-id.ts";
import { parseStoreName, type StoreName } from "../../primitives/store/store-manager.ts";
import { USERS_STORE } from "../../primitives/users/user-registry.ts";
import { parseVhostPattern } from "../../primitives/vhost.ts";
import {
  CLEANUP_RULE_EXAMPLE,
  type CleanupRule,
  formatCleanupRule,
  parseCleanupRule,
} from "./cleanup-rules.ts";
import { parseTagPattern, type TagPattern } from "./immutable-tags.ts";

/** The name of an OCI instance, the third segment of its access path. */
export type InstanceName = string & { readonly __brand: "InstanceName" };

const MAX_NAME_LENGTH = 50;
/** Where the server keeps its configuration. */
export const SYSTEM_STORE = "everlock-system" as StoreName;
/** Stores that hold the server's own data. */
const RESERVED_STORES: readonly StoreName[] = [SYSTEM_STORE, USERS_STORE];

export function parseInstanceName(text: string): InstanceName | undefined {
  const valid = /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= MAX_NAME_LENGTH;
  return valid ? (text as InstanceName) : undefined;
}

/** Whether a manifest may name content that the repository lacks, as mirrors of parts of an image do. */
export const REFERENCES = ["strict", "sparse"] as const;
export type References = (typeof REFERENCES)[number];

export function parseReferences(text: string): References | undefined {
  return REFERENCES.find((known) => known === text);
}

/** One OCI registry of this server. */
export interface InstanceConfig {
  readonly name: InstanceName;
  /** Host names or wildcards that select this registry, in lower case and without port. */
  readonly vhosts: readonly string[];
  readonly store: StoreName;
  readonly references: References;
  /** Which tags are write-once. */
  readonly immutable: readonly TagPattern[];
  /** What only history older than so many seconds refers to may be removed; without it, nothing. */
  readonly retention?: number;
  /** What is deleted by itself. */
  readonly cleanup: readonly CleanupRule[];
  /** Bytes that its store may hold as blobs. */
  readonly quota?: number;
  /** Bytes that each of its repositories may. */
  readonly repositoryQuota?: number;
  /** The commit whose state is served, for a registry that never changes. */
  readonly at?: ObjectId;
}

/** The file of instances does not say what it should. */
export class InvalidInstancesError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "InvalidInstancesError";
  }
}

export function encodeInstances(instances: readonly InstanceConfig[]): Uint8Array {
  const head = "# The OCI registries of this server; '/oci' in the admin console changes them.\n\n";
  const rows = instances.map(({ immutable, retention, cleanup, quota, repositoryQuota, ...config }) => ({
    ...config,
    ...(immutable.length > 0 && { immutable }),
    ...(retention !== undefined && { retention: formatDuration(retention) }),
    ...(quota !== undefined && { quota: writeSize(quota) }),
    ...(repositoryQuota !== undefined && { repository_quota: writeSize(repositoryQuota) }),
    ...(cleanup.length > 0 && { cleanup: cleanup.map(formatCleanupRule) }),
  }));
  return Buffer.from(head + stringify({ instance: rows }));
}

/** Throws `InvalidInstancesError`, which names the line or the instance. */
export function parseInstances(bytes: Uint8Array): InstanceConfig[] {
  const { instance: rows = [], ...others } = parseToml(bytes);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new InvalidInstancesError(`unknown key '${unknown}'`);
  if (!Array.isArray(rows)) throw new InvalidInstancesError("'instance' is not a list of tables");
  const instances = rows.map(parseInstance);
  checkTogether(instances);
  return instances;
}

/** Throws `InvalidInstancesError` where two instances have one name or host, or one would use a store of the server. */
export function checkTogether(instances: readonly InstanceConfig[]): void {
  const names = new Set<string>();
  const owners = new Map<string, string>();
  for (const { name, vhosts, store } of instances) {
    if (RESERVED_STORES.includes(store))
      throw new InvalidInstancesError(`the store '${store}' holds the server's own data`);
    if (names.has(name)) throw new InvalidInstancesError(`there are two registries '${name}'`);
    names.add(name);
    for (const vhost of vhosts) {
      const owner = owners.get(vhost);
      if (owner) throw new InvalidInstancesError(`the host '${vhost}' is the registry '${owner}' already`);
      owners.set(vhost, name);
    }
  }
}

function parseToml(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new InvalidInstancesError(`line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}

function parseInstance(row: unknown, index: number): InstanceConfig {
  const {
    name,
    vhosts,
    store,
    references = "strict",
    immutable = [],
    retention,
    cleanup = [],
    quota,
    repository_quota: repositoryQuota,
    at,
    ...others
  } = row as Record<string, unknown>;
  const parsedName = parseInstanceName(String(name));
  const fail = (reason: string): never => {
    throw new InvalidInstancesError(`instance ${parsedName ?? index + 1}: ${reason}`);
  };
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) fail(`unknown key '${unknown}'`);
  const patterns = Array.isArray(immutable)
    ? immutable.map((pattern) => parseTagPattern(String(pattern)))
    : [undefined];
  const seconds = retention === undefined ? undefined : parseDuration(String(retention));
  if (retention !== undefined && seconds === undefined) fail("'retention' must be a duration such as 30d");
  const rules = Array.isArray(cleanup) ? cleanup.map((rule) => parseCleanupRule(String(rule))) : [undefined];
  const commit = at === undefined ? undefined : parseObjectId(String(at));
  if (at !== undefined && !commit) fail("'at' must be a whole commit id");
  const bytesOf = (key: string, value: unknown) =>
    value === undefined
      ? undefined
      : (parseSize(String(value)) ?? fail(`'${key}' must be a size such as 100GiB`));
  const [quotaBytes, repositoryBytes] = [
    bytesOf("quota", quota),
    bytesOf("repository_quota", repositoryQuota),
  ];
  const hosts = Array.isArray(vhosts) ? vhosts.map((vhost) => parseVhostPattern(String(vhost))) : [];
  return {
    name:
      parsedName ?? fail("its name must be lower-case letters and digits, with single '.', '_', '-' between"),
    vhosts: hosts.map((host) => host ?? fail("'vhosts' must be a list of host names without port")),
    store: parseStoreName(String(store)) ?? fail("'store' must be a lower-case name"),
    references: parseReferences(String(references)) ?? fail("'references' must be 'strict' or 'sparse'"),
    immutable: patterns.map((pattern) => pattern ?? fail("'immutable' must be a list of tag patterns")),
    ...(seconds !== undefined && { retention: seconds }),
    ...(quotaBytes !== undefined && { quota: quotaBytes }),
    ...(repositoryBytes !== undefined && { repositoryQuota: repositoryBytes }),
    cleanup: rules.map(
      (rule) => rule ?? fail(`'cleanup' must be a list of rules such as ${CLEANUP_RULE_EXAMPLE}`),
    ),
    ...(commit && { at: commit }),
  };
}
