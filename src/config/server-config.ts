import { DEFAULT_INSTANCE } from "../backends/oci-http/instances/stored-instances.ts";
import type { Quotas } from "../backends/oci-http/policy/quotas.ts";
import {
  checkTogether,
  type InstanceConfig,
  type InstanceName,
  InvalidInstancesError,
} from "../backends/oci-http/settings/instance-config.ts";
import {
  ALL_SETTINGS,
  type AnySetting,
  changedSettings,
  completeSettings,
  readSettings,
} from "../backends/oci-http/settings/instance-settings.ts";
import type { StoreJobsOptions } from "../backends/oci-http/upkeep/store-jobs.ts";
import type { OperatorCredentials } from "../backends/oci-http/upstreams/credential-source.ts";
import { formatListenAddress, type ListenAddress } from "../primitives/net/listen-address.ts";
import { durationAdvice, parseDuration } from "../primitives/text/duration.ts";
import { MIN_PASSWORD_LENGTH } from "../primitives/users/passwords.ts";
import { ANONYMOUS, parseUserName, type UserName } from "../primitives/users/user.ts";
import { userNameFault } from "../primitives/users/user-name-fault.ts";
import { type AdminPassword, adminPassword } from "./admin-password.ts";
import { CheckedSettings } from "./checked-settings.ts";
import { type HttpConfig, httpConfig, stopTimeout } from "./http-config.ts";
import { isSettingName, NEVER, SETTING_NAMES, type SettingName, UsageError } from "./settings.ts";
import { givenSettings } from "./sources.ts";
import { type StorageConfig, storageConfig } from "./storage-config.ts";
import { upstreamCredentials } from "./upstream-config.ts";

/** A larger smallest length would be a typing error. */
const MAX_SMALLEST_PASSWORD = 128;

/** The server's whole configuration, checked. A part that is switched off is `undefined`. */
export interface ServerConfig {
  /** What the stores are kept in, or what a node of an object store derives and caches. */
  readonly dataDir: string;
  readonly storage: StorageConfig;
  readonly http: HttpConfig | undefined;
  readonly ssh: ListenAddress | undefined;
  /** Health and metrics. */
  readonly ops: ListenAddress | undefined;
  /** Applies the flags to the stored registries; `undefined` if the OCI backend is switched off. */
  readonly instances:
    | ((stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[])
    | undefined;
  /** Whether each registry's host has pages and the API. */
  readonly web: boolean;
  readonly quotas: Quotas;
  /** How long a stop waits for requests in progress. */
  readonly stopTimeoutMs: number;
  readonly jobs: StoreJobsOptions;
  /** In characters, of new passwords. */
  readonly passwordMinLength: number;
  /** What this machine has for the upstreams of registries. */
  readonly upstreamCredentials: OperatorCredentials;
  readonly admin: { readonly name: UserName; readonly password: AdminPassword | undefined };
}

/** The name of the instance that flags configure. */
const DEFAULT_NAME = DEFAULT_INSTANCE as InstanceName;

/** Precedence: flags, environment, file, defaults. Throws `UsageError`. */
export function resolveServerConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServerConfig {
  const settings = new CheckedSettings(givenSettings(args, environment));
  const http = settings.flag("frontend-http");
  const ops =
    settings.optional("frontend-ops-listen") === undefined
      ? undefined
      : settings.address("frontend-ops-listen", "127.0.0.1:9090");
  const httpParts = http ? httpConfig(settings, ops) : undefined;
  const ssh = settings.flag("backend-admin-ssh")
    ? settings.address("frontend-ssh-listen", "127.0.0.1:2222")
    : undefined;
  refuseSharedAddresses(settings, {
    "frontend-http-listen-http": httpParts?.settings.listen,
    "frontend-http-listen-https": httpParts?.settings.listenTls,
    "frontend-ssh-listen": ssh,
    "frontend-ops-listen": ops,
  });
  return {
    dataDir: settings.text("data-dir"),
    storage: storageConfig(settings, environment),
    http: httpParts,
    ssh,
    ops,
    instances: http && settings.flag("backend-oci-http") ? bootstrap(settings) : undefined,
    web: settings.flag("backend-web"),
    quotas: {
      registry: settings.size("quota-registry"),
      repository: settings.size("quota-repository"),
    },
    stopTimeoutMs: stopTimeout(settings),
    jobs: {
      gcEvery: schedule(settings, "gc-every"),
      gcGrace: settings.parsed(
        "gc-grace",
        parsePositiveDuration,
        "a time such as 1d, of a second or more",
        durationAdvice,
      ),
      scrubEvery: schedule(settings, "scrub-every"),
    },
    passwordMinLength: settings.count("password-min-length", MAX_SMALLEST_PASSWORD) ?? MIN_PASSWORD_LENGTH,
    upstreamCredentials: upstreamCredentials(settings, environment),
    admin: {
      name: settings.parsed(
        "admin-user",
        (text) => (text === ANONYMOUS ? undefined : parseUserName(text)),
        "a login such as admin",
        userNameFault,
      ),
      password: adminPassword(settings, environment),
    },
  };
}

/** Throws `UsageError` if two listeners have the same address. Each listener with port 0 gets a port of its own. */
function refuseSharedAddresses(
  settings: CheckedSettings,
  addresses: Readonly<Partial<Record<SettingName, ListenAddress | undefined>>>,
): void {
  const seen = new Map<string, SettingName>();
  for (const name of SETTING_NAMES) {
    const address = addresses[name];
    if (!address || address.port === 0) continue;
    const text = formatListenAddress(address);
    const other = seen.get(text);
    if (other !== undefined)
      throw new UsageError(
        `${settings.sourceOf(name)} and ${settings.sourceOf(other)} are both ${text}; each needs an address of its own`,
      );
    seen.set(text, name);
  }
}

/**
 * The instance `default` is created at the first start, and later if it is missing and its host is given. Flags override
 * the stored settings; hosts are merged.
 */
function bootstrap(settings: CheckedSettings): NonNullable<ServerConfig["instances"]> {
  const refuse = refuserOf(settings);
  const defaults = readSettings(
    flagTexts(settings, () => true),
    refuse,
  );
  const created: InstanceConfig = {
    name: DEFAULT_NAME,
    ...completeSettings(defaults, ({ flag }) => {
      throw new UsageError(`--${flag} must not be empty`);
    }),
  };
  if (settings.list("backend-oci-http-vhost").length === 0)
    throw new UsageError(`${settings.sourceOf("backend-oci-http-vhost")} must name a host`);
  refuseReserved(created, settings);
  const given = readSettings(
    flagTexts(settings, (name) => settings.isGiven(name)),
    refuse,
  );
  return (stored) => {
    const known = stored?.find(({ name }) => name === DEFAULT_NAME);
    if (stored && !known && given.vhosts === undefined) return stored;
    const others = (stored ?? []).filter((other) => other !== known);
    return [known ? changedSettings(known, given, "given first") : created, ...others];
  };
}

/** Throws `UsageError` for a store of the server's own. */
function refuseReserved(created: InstanceConfig, settings: CheckedSettings): void {
  try {
    checkTogether([created]);
  } catch (error) {
    if (!(error instanceof InvalidInstancesError)) throw error;
    throw new UsageError(`${settings.sourceOf("backend-oci-http-store")}: ${error.message}`);
  }
}

/** The values of those settings of `default` that have a flag. */
function flagTexts(
  settings: CheckedSettings,
  isWanted: (name: SettingName) => boolean,
): Map<AnySetting, readonly string[]> {
  return new Map(
    ALL_SETTINGS.flatMap((setting): [AnySetting, readonly string[]][] => {
      const { flag } = setting;
      if (flag === undefined || !isSettingName(flag) || !isWanted(flag)) return [];
      return [[setting, settings.list(flag)]];
    }),
  );
}

function refuserOf(settings: CheckedSettings) {
  return ({ flag = "", wanted, wantedOfFlag = wanted }: AnySetting, text: string): never => {
    const source = isSettingName(flag) ? settings.sourceOf(flag) : `--${flag}`;
    if (text === "") throw new UsageError(`${source} must not be empty`);
    throw new UsageError(`${source} must be ${wantedOfFlag}, not '${text}'`);
  };
}

/** The longest delay of a timer. */
const MAX_SCHEDULE_SECONDS = 24 * 86_400;

function parsePositiveDuration(text: string): number | undefined {
  const seconds = parseDuration(text);
  return seconds !== undefined && seconds > 0 ? seconds : undefined;
}

function schedule(settings: CheckedSettings, name: SettingName): number | undefined {
  if (settings.text(name) === NEVER) return undefined;
  const parse = (text: string) => {
    const seconds = parsePositiveDuration(text);
    return seconds !== undefined && seconds <= MAX_SCHEDULE_SECONDS ? seconds : undefined;
  };
  return settings.parsed(name, parse, `a time such as 6h, of up to 24d, or '${NEVER}'`, (text) =>
    parseDuration(text) === undefined ? durationAdvice(text) : undefined,
  );
}
