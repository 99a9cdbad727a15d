import { parse, stringify, TomlError } from "smol-toml";
import { ExpectedError } from "../../../primitives/expected-error.ts";
import { storePath } from "../../../primitives/store/commits/store-path.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import { plainText } from "../../../primitives/text/records.ts";
import { USERS_STORE } from "../../../primitives/users/user-registry.ts";
import { ExistsError } from "../../refusals.ts";
import { sharingFault } from "./check-replicas.ts";
import { upstreamFault } from "./check-upstreams.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  completeSettings,
  type InstanceValues,
  readSettings,
  settingTexts,
} from "./instance-settings.ts";

/** The name of an OCI instance, the third segment of its access path. */
export type InstanceName = string & { readonly __brand: "InstanceName" };

const MAX_NAME_LENGTH = 50;
/** The store of the server's configuration. */
export const SYSTEM_STORE = "everlock-system" as StoreName;
/** The file of that store that holds the registries. */
export const INSTANCES_PATH = storePath("config/oci-http.toml");
/** Stores that hold the server's own data. */
const RESERVED_STORES: readonly StoreName[] = [SYSTEM_STORE, USERS_STORE];

export function parseInstanceName(text: string): InstanceName | undefined {
  const valid = /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text) && text.length <= MAX_NAME_LENGTH;
  return valid ? (text as InstanceName) : undefined;
}

/** One OCI registry of this server. Its settings are those of `INSTANCE_SETTINGS`. */
export type InstanceConfig = { readonly name: InstanceName } & InstanceValues;

/** Whether manifests may name blobs that the store never had: the client has others, or they are fetched when they are pulled. */
export function mayLackBlobs({
  references,
  upstream,
  proxies,
  follow,
}: Pick<InstanceConfig, "references" | "upstream" | "proxies" | "follow">): boolean {
  // A replica has all that its primary has.
  const isMirror = (upstream !== undefined && follow === undefined) || proxies.length > 0;
  return references === "sparse" || isMirror;
}

/** The file of instances is invalid. */
export class InvalidInstancesError extends ExpectedError {
  override readonly name = "InvalidInstancesError";
  override readonly kind = "unusable";
  constructor(reason: string) {
    super(reason);
  }
}

export function encodeInstances(instances: readonly InstanceConfig[]): Uint8Array {
  const head = "# The OCI registries of this server; '/oci' in the admin console changes them.\n\n";
  return Buffer.from(head + stringify({ instance: instances.map(encodeInstance) }));
}

function encodeInstance(config: InstanceConfig): Record<string, string | readonly string[]> {
  const entries = ALL_SETTINGS.flatMap((setting) => {
    const texts = settingTexts(config, setting);
    const [first] = texts;
    return first === undefined ? [] : [[setting.key, setting.isList ? texts : first] as const];
  });
  return { name: config.name, ...Object.fromEntries(entries) };
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

/** Throws `InvalidInstancesError` if two instances have the same name or host, one uses a store of the server or of a replica, or upstreams clash. */
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
  const fault = sharingFault(instances) ?? upstreamFault(instances);
  if (fault !== undefined) throw new InvalidInstancesError(fault);
}

/** With one more, which another node may have created just now. Throws `ExistsError`. */
export function withRegistry(configs: readonly InstanceConfig[], config: InstanceConfig): InstanceConfig[] {
  if (configs.some(({ name }) => name === config.name))
    throw new ExistsError(`a registry '${config.name}' exists already`);
  return [...configs, config];
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
  const { name: given, ...others } = row as Record<string, unknown>;
  const name = typeof given === "string" ? parseInstanceName(given) : undefined;
  const fail = (reason: string): never => {
    throw new InvalidInstancesError(`instance ${name ?? index + 1}: ${reason}`);
  };
  const refuse = ({ key, wanted }: AnySetting) => fail(`'${key}' must be ${wanted}`);
  const texts = new Map<AnySetting, readonly string[]>();
  for (const [key, value] of Object.entries(others)) {
    const setting = ALL_SETTINGS.find((known) => known.key === key) ?? fail(`unknown key '${key}'`);
    if (Array.isArray(value) !== setting.isList) refuse(setting);
    texts.set(setting, Array.isArray(value) ? value.map(plainText) : [plainText(value)]);
  }
  if (!name) fail("its name must be lower-case letters and digits, with single '.', '_', '-' between");
  const settings = completeSettings(readSettings(texts, refuse), refuse);
  return { name: name as InstanceName, ...settings };
}
