import { accessSync, closeSync, constants, existsSync, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { CERTIFICATE_SETTING, type CertificatePaths } from "../frontends/http/listen/certificates.ts";
import { MAX_THREADS } from "../frontends/http/listen/http-limits.ts";
import type { HttpSettings } from "../frontends/http/listen/http-settings.ts";
import { isNetwork, type ProxySettings } from "../frontends/http/listen/trusted-proxies.ts";
import { ACCESS_LOG_FORMATS, type AccessLogTarget } from "../frontends/http/requests/access-log.ts";
import { parseAllowedOrigin } from "../frontends/http/requests/cross-origin.ts";
import { parsePathPrefix } from "../frontends/http/requests/path-prefix.ts";
import { messageOf } from "../primitives/expected-error.ts";
import type { ListenAddress } from "../primitives/net/listen-address.ts";
import { durationAdvice, parseDuration } from "../primitives/text/duration.ts";
import { MAX_MANIFEST_BYTES } from "../registry/model/manifest.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { NEVER, UsageError } from "./settings.ts";

/** The checked configuration of the HTTP frontend. */
export interface HttpConfig {
  readonly settings: HttpSettings;
  readonly certificates: readonly CertificatePaths[];
  /** Number of HTTP threads. */
  readonly workers: number;
}

const MAX_REQUESTS_PER_SECOND = 64_000;
const MAX_UPLOADS = 1_000_000;
const MAX_CONNECTIONS = 1_000_000;
/** Manifests are held in memory while they are checked. */
const MAX_MANIFEST_LIMIT = 64 * 1024 * 1024;

/** `ops` is the address of health and metrics. */
export function httpConfig(settings: CheckedSettings, ops: ListenAddress | undefined): HttpConfig {
  const certificates = certificatePaths(settings);
  const listenTls =
    settings.optional("frontend-http-listen-https") === undefined
      ? undefined
      : settings.address("frontend-http-listen-https", "127.0.0.1:8443");
  const redirectsToTls = settings.flag("frontend-http-redirect");
  if (listenTls && certificates.length === 0)
    throw new UsageError(
      `${settings.sourceOf("frontend-http-listen-https")} needs --frontend-http-tls-certificate <file> and --frontend-http-tls-key <file>`,
    );
  if (!listenTls && (certificates.length > 0 || redirectsToTls)) {
    const given = redirectsToTls ? "frontend-http-redirect" : CERTIFICATE_SETTING;
    throw new UsageError(`${settings.sourceOf(given)} needs --frontend-http-listen-https <host:port>`);
  }
  return {
    settings: {
      listen: settings.address("frontend-http-listen-http", "127.0.0.1:8080"),
      listenTls,
      redirectsToTls,
      hstsSeconds: hstsSeconds(settings),
      proxies: proxies(settings),
      pathPrefix: pathPrefix(settings),
      crossOrigins: crossOrigins(settings),
      limits: {
        requestsPerSecond: settings.count("limit-requests", MAX_REQUESTS_PER_SECOND),
        uploads: settings.count("limit-uploads", MAX_UPLOADS),
        manifestBytes: manifestLimit(settings),
        blobBytes: settings.size("limit-blob-size"),
      },
      connectionsPerAddress: settings.count("limit-connections", MAX_CONNECTIONS),
      otherGuardedPorts: ops ? [ops.port] : [],
      accessLog: accessLog(settings),
      stopTimeoutMs: stopTimeout(settings),
    },
    certificates,
    workers: httpWorkers(settings),
  };
}

/** In milliseconds. */
export function stopTimeout(settings: CheckedSettings): number {
  return settings.parsed("stop-timeout", parseDuration, "a time such as 10s", durationAdvice) * 1000;
}

function proxies(settings: CheckedSettings): ProxySettings {
  const networks = settings.list("frontend-http-trusted-proxy");
  for (const network of networks) {
    if (!isNetwork(network))
      throw new UsageError(
        `${settings.sourceOf("frontend-http-trusted-proxy")} must be an address or a network such as 10.0.0.0/8, not '${network}'`,
      );
  }
  const names = [
    "frontend-http-proxy-header",
    "frontend-http-proxy-scheme",
    "frontend-http-proxy-host",
  ] as const;
  const given = names.find((name) => settings.isGiven(name));
  if (networks.length === 0 && given !== undefined)
    throw new UsageError(`${settings.sourceOf(given)} needs --frontend-http-trusted-proxy <network>`);
  return {
    networks,
    header: settings.parsed(
      "frontend-http-proxy-header",
      (text) => (/^[a-z0-9-]{1,64}$/i.test(text) ? text.toLowerCase() : undefined),
      "the name of a header, such as x-forwarded-for",
    ),
    trustsScheme: settings.flag("frontend-http-proxy-scheme"),
    trustsHost: settings.flag("frontend-http-proxy-host"),
  };
}

function pathPrefix(settings: CheckedSettings): string {
  if (settings.optional("frontend-http-path-prefix") === undefined) return "";
  return settings.parsed(
    "frontend-http-path-prefix",
    parsePathPrefix,
    "a path such as /registry, which begins with '/', does not end with one, is not below /v2 or /token, and has only letters, digits, '-', '.', '_' and '~' between",
  );
}

function crossOrigins(settings: CheckedSettings): readonly string[] {
  return settings.list("frontend-http-cors-origin").map((text) => {
    const origin = parseAllowedOrigin(text);
    if (origin !== undefined) return origin;
    throw new UsageError(
      `--frontend-http-cors-origin must be an origin such as https://ui.example.org, without a path, or '*', not '${text}'`,
    );
  });
}

function hstsSeconds(settings: CheckedSettings): number | undefined {
  if (settings.text("frontend-http-hsts") === NEVER) return undefined;
  return settings.parsed(
    "frontend-http-hsts",
    parseDuration,
    `a time such as 180d, or '${NEVER}'`,
    durationAdvice,
  );
}

function accessLog(settings: CheckedSettings): AccessLogTarget | undefined {
  const format = settings.parsed(
    "access-log-format",
    (text) => ACCESS_LOG_FORMATS.find((known) => known === text),
    ACCESS_LOG_FORMATS.join(" or "),
  );
  const path = settings.optional("access-log");
  if (path === undefined) return undefined;
  // Checked here so that an error is one line, rather than one from each thread; not created, as the server may run as
  // another user than 'check-config'.
  try {
    if (path !== "-") checkWritable(path);
  } catch (error) {
    throw new UsageError(`${settings.sourceOf("access-log")}: can't write to ${path}: ${messageOf(error)}`);
  }
  return { path, format };
}

/** Throws if a server could not append to the file. */
function checkWritable(path: string): void {
  if (existsSync(path)) closeSync(openSync(path, constants.O_WRONLY | constants.O_APPEND));
  else accessSync(dirname(path), constants.W_OK | constants.X_OK);
}

function certificatePaths(settings: CheckedSettings): readonly CertificatePaths[] {
  const certificates = settings.list(CERTIFICATE_SETTING);
  const keys = settings.list("frontend-http-tls-key");
  if (certificates.length !== keys.length) {
    throw new UsageError(
      `each --${CERTIFICATE_SETTING} needs a --frontend-http-tls-key; there are ${certificates.length} and ${keys.length}`,
    );
  }
  return certificates.map((certificate, i) => ({ certificate, key: keys[i] ?? "" }));
}

function manifestLimit(settings: CheckedSettings): number {
  const bytes = settings.size("limit-manifest-size") ?? MAX_MANIFEST_BYTES;
  if (bytes <= MAX_MANIFEST_LIMIT) return bytes;
  throw new UsageError(
    `${settings.sourceOf("limit-manifest-size")} must be 64MiB or less: manifests are held in memory`,
  );
}

/** Only Linux distributes the connections of a port over several listening threads. */
function httpWorkers(settings: CheckedSettings): number {
  const canShare = process.platform === "linux";
  if (!settings.isGiven("http-workers")) return canShare ? Math.min(availableParallelism(), MAX_THREADS) : 1;
  const count = settings.parsed(
    "http-workers",
    (text) => (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= MAX_THREADS ? Number(text) : undefined),
    `a number from 1 to ${MAX_THREADS}`,
  );
  if (count > 1 && !canShare)
    throw new UsageError(`${settings.sourceOf("http-workers")}: more than 1 needs Linux`);
  return count;
}
