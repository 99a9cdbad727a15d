import {
  type InstanceConfig,
  type InstanceName,
  parseReferences,
  REFERENCES,
} from "../backends/oci-http/instance-config.ts";
import type { Quotas } from "../backends/oci-http/quotas.ts";
import type { StoreJobsOptions } from "../backends/oci-http/store-jobs.ts";
import { parseDuration } from "../primitives/duration.ts";
import { type ListenAddress, parseListenAddress } from "../primitives/listen-address.ts";
import { parseStoreName } from "../primitives/store/store-manager.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import { ANONYMOUS, parseUserName, type UserName } from "../primitives/users/user.ts";
import { parseVhostPattern } from "../primitives/vhost.ts";
import { CheckedSettings } from "./checked-settings.ts";
import { type HttpConfig, httpConfig, stopTimeout } from "./http-config.ts";
import { type RawSettings, type SettingName, UsageError } from "./settings.ts";
import { settingsFromEnvironment, settingsFromFile, settingsFromFlags } from "./sources.ts";

/** Everything that the server needs to know, checked. A part that is switched off is `undefined`. */
export interface ServerConfig {
  readonly dataDir: string;
  readonly http: HttpConfig | undefined;
  readonly ssh: ListenAddress | undefined;
  /** Health and metrics. */
  readonly ops: ListenAddress | undefined;
  /** Completes the stored registries by what the flags say; `undefined` where registries are switched off. */
  readonly instances:
    | ((stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[])
    | undefined;
  readonly quotas: Quotas;
  /** How long a stop waits for the requests under way. */
  readonly stopTimeoutMs: number;
  readonly jobs: StoreJobsOptions;
  readonly admin: { readonly name: UserName; readonly password: string | undefined };
}

/** The instance that the flags describe always has this name. */
const DEFAULT_INSTANCE = "default" as InstanceName;

/** Flags win over the environment, that over the file, that over the defaults. Throws `UsageError`. */
export function resolveServerConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServerConfig {
  const near: RawSettings = { ...settingsFromEnvironment(environment), ...settingsFromFlags(args) };
  const file = typeof near.config === "string" ? settingsFromFile(near.config) : {};
  const settings = new CheckedSettings({ ...file, ...near });
  const http = settings.flag("frontend-http");
  return {
    dataDir: settings.text("data-dir"),
    http: http ? httpConfig(settings) : undefined,
    ssh: settings.flag("backend-admin-ssh")
      ? settings.parsed("frontend-ssh-listen", parseListenAddress, "an address such as 127.0.0.1:2222")
      : undefined,
    ops:
      settings.optional("frontend-ops-listen") === undefined
        ? undefined
        : settings.parsed("frontend-ops-listen", parseListenAddress, "an address such as 127.0.0.1:9090"),
    instances: http && settings.flag("backend-oci-http") ? bootstrap(settings) : undefined,
    quotas: {
      registry: settings.size("quota-registry"),
      repository: settings.size("quota-repository"),
    },
    stopTimeoutMs: stopTimeout(settings),
    jobs: {
      gcEvery: schedule(settings, "gc-every"),
      gcGrace: settings.parsed("gc-grace", parsePositiveDuration, "a time such as 1d, of a second or more"),
      scrubEvery: schedule(settings, "scrub-every"),
    },
    admin: {
      name: settings.parsed(
        "admin-user",
        (text) => (text === ANONYMOUS ? undefined : parseUserName(text)),
        "a lower-case name such as admin",
      ),
      password: adminPassword(settings),
    },
  };
}

/**
 * The instance `default` is made at the first start, and again wherever its host is given. What the flags say of it wins
 * over what is stored; the hosts of both count.
 */
function bootstrap(settings: CheckedSettings): NonNullable<ServerConfig["instances"]> {
  const given: InstanceConfig = {
    name: DEFAULT_INSTANCE,
    vhosts: vhosts(settings),
    store: settings.parsed(
      "backend-oci-http-store",
      parseStoreName,
      "a lower-case name such as everlock-oci-local",
    ),
    references: settings.parsed("backend-oci-http-references", parseReferences, REFERENCES.join(" or ")),
    immutable: [],
    cleanup: [],
  };
  return (stored) => {
    const known = stored?.find(({ name }) => name === DEFAULT_INSTANCE);
    if (stored && !known && !settings.isGiven("backend-oci-http-vhost")) return stored;
    const { vhosts, store, references, immutable, retention, cleanup } = known ?? given;
    const completed: InstanceConfig = {
      name: DEFAULT_INSTANCE,
      vhosts: settings.isGiven("backend-oci-http-vhost")
        ? [...new Set([...given.vhosts, ...vhosts])]
        : vhosts,
      store: settings.isGiven("backend-oci-http-store") ? given.store : store,
      references: settings.isGiven("backend-oci-http-references") ? given.references : references,
      immutable,
      ...(retention !== undefined && { retention }),
      cleanup,
      ...(known?.at && { at: known.at }),
    };
    return [completed, ...(stored ?? []).filter((other) => other !== known)];
  };
}

/** Timers can't wait longer. */
const MAX_SCHEDULE_SECONDS = 24 * 86_400;
const NEVER = "never";

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
  return settings.parsed(name, parse, `a time such as 6h, of up to 24d, or '${NEVER}'`);
}

function vhosts(settings: CheckedSettings): readonly string[] {
  const parsed = settings.list("backend-oci-http-vhost").map((text) => {
    const vhost = parseVhostPattern(text);
    if (!vhost)
      throw new UsageError(`--backend-oci-http-vhost must be a host name without port, not '${text}'`);
    return vhost;
  });
  return [...new Set(parsed)];
}

function adminPassword(settings: CheckedSettings): string | undefined {
  const password = settings.optional("admin-password");
  const fault = password === undefined ? undefined : passwordFault(password);
  if (fault) throw new UsageError(`--admin-password: ${fault}`);
  return password;
}
