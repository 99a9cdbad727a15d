import { closeSync, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import {
  type InstanceConfig,
  type InstanceName,
  parseReferences,
  REFERENCES,
} from "../backends/oci-http/instance-config.ts";
import type { Quotas } from "../backends/oci-http/quotas.ts";
import type { StoreJobsOptions } from "../backends/oci-http/store-jobs.ts";
import { ACCESS_LOG_FORMATS, type AccessLogTarget } from "../frontends/http/access-log.ts";
import { CERTIFICATE_SETTING, type CertificatePaths } from "../frontends/http/certificates.ts";
import type { HttpSettings } from "../frontends/http/http-settings.ts";
import { isNetwork } from "../frontends/http/trusted-proxies.ts";
import { parseSize } from "../primitives/byte-size.ts";
import { parseDuration } from "../primitives/duration.ts";
import { type ListenAddress, parseListenAddress } from "../primitives/listen-address.ts";
import { parseStoreName } from "../primitives/store/store-manager.ts";
import { passwordFault } from "../primitives/users/passwords.ts";
import { ANONYMOUS, parseUserName, type UserName } from "../primitives/users/user.ts";
import { parseVhostPattern } from "../primitives/vhost.ts";
import { MAX_MANIFEST_BYTES } from "../registry/manifest.ts";
import { type RawSettings, SETTINGS, type Setting, type SettingName, UsageError } from "./settings.ts";
import { settingsFromEnvironment, settingsFromFile, settingsFromFlags } from "./sources.ts";

/** Everything that the server needs to know, checked. A part that is switched off is `undefined`. */
export interface ServerConfig {
  readonly dataDir: string;
  readonly http:
    | {
        readonly settings: HttpSettings;
        readonly certificates: readonly CertificatePaths[];
        readonly workers: number;
      }
    | undefined;
  readonly ssh: ListenAddress | undefined;
  /** Health and metrics. */
  readonly ops: ListenAddress | undefined;
  /** Completes the stored registries by what the flags say; `undefined` where registries are switched off. */
  readonly instances:
    | ((stored: readonly InstanceConfig[] | undefined) => readonly InstanceConfig[])
    | undefined;
  readonly quotas: Quotas;
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

function httpConfig(settings: CheckedSettings): NonNullable<ServerConfig["http"]> {
  const certificates = certificatePaths(settings);
  const listenTls =
    settings.optional("frontend-http-listen-https") === undefined
      ? undefined
      : settings.parsed(
          "frontend-http-listen-https",
          parseListenAddress,
          "an address such as 127.0.0.1:8443",
        );
  const redirectsToTls = settings.flag("frontend-http-redirect");
  if (listenTls && certificates.length === 0)
    throw new UsageError(
      "--frontend-http-listen-https takes --frontend-http-tls-certificate <file> and --frontend-http-tls-key <file>",
    );
  if (!listenTls && (certificates.length > 0 || redirectsToTls)) {
    const given = redirectsToTls ? "frontend-http-redirect" : CERTIFICATE_SETTING;
    throw new UsageError(`--${given} takes --frontend-http-listen-https <host:port>`);
  }
  const trustedProxies = settings.list("frontend-http-trusted-proxy");
  for (const network of trustedProxies) {
    if (!isNetwork(network))
      throw new UsageError(
        `--frontend-http-trusted-proxy must be an address or a network such as 10.0.0.0/8, not '${network}'`,
      );
  }
  return {
    settings: {
      listen: settings.parsed(
        "frontend-http-listen-http",
        parseListenAddress,
        "an address such as 127.0.0.1:8080",
      ),
      listenTls,
      redirectsToTls,
      trustedProxies,
      limits: {
        requestsPerSecond: settings.count("limit-requests", MAX_REQUESTS_PER_SECOND),
        uploads: settings.count("limit-uploads", MAX_UPLOADS),
        manifestBytes: manifestLimit(settings),
        blobBytes: settings.size("limit-blob-size"),
      },
      accessLog: accessLog(settings),
      stopTimeoutMs: settings.parsed("stop-timeout", parseDuration, "a time such as 10s") * 1000,
    },
    certificates,
    workers: httpWorkers(settings),
  };
}

function accessLog(settings: CheckedSettings): AccessLogTarget | undefined {
  const format = settings.parsed(
    "access-log-format",
    (text) => ACCESS_LOG_FORMATS.find((known) => known === text),
    ACCESS_LOG_FORMATS.join(" or "),
  );
  const path = settings.optional("access-log");
  if (path === undefined) return undefined;
  // Asked for now, to be told in one line rather than by every thread.
  try {
    if (path !== "-") closeSync(openSync(path, "a", 0o640));
  } catch (error) {
    throw new UsageError(
      `--access-log: can't write to ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return { path, format };
}

function certificatePaths(settings: CheckedSettings): readonly CertificatePaths[] {
  const certificates = settings.list(CERTIFICATE_SETTING);
  const keys = settings.list("frontend-http-tls-key");
  if (certificates.length !== keys.length) {
    throw new UsageError(
      `each --${CERTIFICATE_SETTING} takes a --frontend-http-tls-key; there are ${certificates.length} and ${keys.length}`,
    );
  }
  return certificates.map((certificate, i) => ({ certificate, key: keys[i] ?? "" }));
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

function manifestLimit(settings: CheckedSettings): number {
  const bytes = settings.size("limit-manifest-size") ?? MAX_MANIFEST_BYTES;
  if (bytes <= MAX_MANIFEST_LIMIT) return bytes;
  throw new UsageError("--limit-manifest-size must be 64MiB or less: manifests are kept in memory");
}

const MAX_REQUESTS_PER_SECOND = 64_000;
const MAX_UPLOADS = 1_000_000;
/** Manifests are kept in memory while they are checked. */
const MAX_MANIFEST_LIMIT = 64 * 1024 * 1024;

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

const MAX_HTTP_WORKERS = 256;

/** Only Linux spreads the connections to one port over the threads that listen on it. */
function httpWorkers(settings: CheckedSettings): number {
  const canShare = process.platform === "linux";
  if (!settings.isGiven("http-workers"))
    return canShare ? Math.min(availableParallelism(), MAX_HTTP_WORKERS) : 1;
  const count = settings.parsed(
    "http-workers",
    (text) => (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= MAX_HTTP_WORKERS ? Number(text) : undefined),
    `a number from 1 to ${MAX_HTTP_WORKERS}`,
  );
  if (count > 1 && !canShare) throw new UsageError("--http-workers: more than 1 takes Linux");
  return count;
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

/** Settings with their defaults, each of its declared type. */
class CheckedSettings {
  readonly #raw: RawSettings;

  constructor(raw: RawSettings) {
    this.#raw = raw;
  }

  /** Whether it was set at all, rather than left at its default. */
  isGiven(name: SettingName): boolean {
    return this.#raw[name] !== undefined;
  }

  flag(name: SettingName): boolean {
    return this.#value(name) === true;
  }

  optional(name: SettingName): string | undefined {
    const value = this.#value(name);
    return typeof value === "string" ? value : undefined;
  }

  text(name: SettingName): string {
    const value = this.optional(name);
    if (!value) throw new UsageError(`--${name} must not be empty`);
    return value;
  }

  list(name: SettingName): readonly string[] {
    const value = this.#value(name);
    return Array.isArray(value) ? value : value === undefined ? [] : [String(value)];
  }

  /** Bytes, if it is given. */
  size(name: SettingName): number | undefined {
    if (this.optional(name) === undefined) return undefined;
    const parse = (text: string) => parseSize(text) || undefined;
    return this.parsed(name, parse, "a size such as 512MiB or 10GiB");
  }

  /** A number from 1 on, if it is given. */
  count(name: SettingName, max: number): number | undefined {
    if (this.optional(name) === undefined) return undefined;
    const parse = (text: string) =>
      /^[1-9]\d{0,8}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
    return this.parsed(name, parse, `a number from 1 to ${max}`);
  }

  parsed<T>(name: SettingName, parse: (text: string) => T | undefined, wanted: string): T {
    const text = this.text(name);
    const value = parse(text);
    if (value === undefined) throw new UsageError(`--${name} must be ${wanted}, not '${text}'`);
    return value;
  }

  #value(name: SettingName): boolean | string | readonly string[] | undefined {
    const setting: Setting = SETTINGS[name];
    return this.#raw[name] ?? setting.fallback;
  }
}
