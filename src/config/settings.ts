import { ExpectedError } from "../primitives/expected-error.ts";
import { MIN_PASSWORD_LENGTH } from "../primitives/users/passwords.ts";

/** A server setting. It has the same name as a flag and in the configuration file, and `EVERLOCK_…` in the environment. */
export interface Setting {
  readonly type: "boolean" | "string" | "list";
  readonly help: string;
  /** Placeholder for the value in the usage text. */
  readonly hint?: string;
  readonly fallback?: boolean | string;
}

export const SETTINGS = {
  "data-dir": { type: "string", hint: "dir", fallback: "data", help: "data directory" },
  config: {
    type: "string",
    hint: "file",
    help: "TOML file with any of these settings, by the same names",
  },
  storage: {
    type: "string",
    hint: "place",
    fallback: "local",
    help: "where the stores are: 'local' (in the data directory), or a bucket that many nodes share, s3://bucket/prefix",
  },
  "storage-endpoint": {
    type: "string",
    hint: "url",
    help: "address of the object store, such as https://s3.example.org (default: AWS S3)",
  },
  "storage-region": { type: "string", hint: "region", help: "region of the bucket (default: AWS_REGION)" },
  "storage-credentials": {
    type: "string",
    hint: "file",
    help: "credentials file of the object store; without it, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role of the container or machine",
  },
  "storage-ca": {
    type: "string",
    hint: "file",
    help: "certificates of the CAs that the object store's certificate may be from, in place of the usual ones",
  },
  "storage-max-age": {
    type: "string",
    hint: "duration",
    fallback: "0s",
    help: "how old tags and lists may be that another node has changed; 0s: never",
  },
  "storage-redirect": {
    type: "string",
    hint: "size",
    help: "clients fetch blobs of more than this size from the object store itself; without it, through the node",
  },
  "upstream-credentials": {
    type: "string",
    hint: "file",
    help: "user names and passwords for upstream registries, by host, in the format of Docker's config.json",
  },
  "upstream-credential-command": {
    type: "list",
    hint: "host=command",
    help: "command that prints <user>:<password> for the upstream registry at this host; repeatable",
  },
  "cache-dir": {
    type: "string",
    hint: "dir",
    help: "directory of this node alone for blobs of the object store that are often pulled",
  },
  "cache-size": {
    type: "string",
    hint: "size",
    help: "most bytes in the cache directory (default: 10GiB)",
  },
  "frontend-http": { type: "boolean", fallback: true, help: "serve HTTP" },
  "frontend-http-listen-http": {
    type: "string",
    hint: "host:port",
    fallback: "127.0.0.1:8080",
    help: "address that HTTP listens on",
  },
  "frontend-http-listen-https": {
    type: "string",
    hint: "host:port",
    help: "address that HTTPS listens on; without it, HTTPS is off",
  },
  "frontend-http-tls-certificate": {
    type: "list",
    hint: "file",
    help: "certificate for HTTPS (PEM, with its chain); repeatable, selected by host name",
  },
  "frontend-http-tls-key": {
    type: "list",
    hint: "file",
    help: "private key (PEM) of the certificate in the same position",
  },
  "frontend-http-redirect": {
    type: "boolean",
    fallback: false,
    help: "redirect plain HTTP to HTTPS",
  },
  "frontend-http-hsts": {
    type: "string",
    hint: "duration",
    fallback: "180d",
    help: "max-age of Strict-Transport-Security in responses over HTTPS, or 'never'",
  },
  "frontend-http-trusted-proxy": {
    type: "list",
    hint: "network",
    help: "address or network, such as 10.0.0.0/8, of a proxy that is trusted to send the client's address; repeatable",
  },
  "frontend-http-proxy-header": {
    type: "string",
    hint: "header",
    fallback: "x-forwarded-for",
    help: "header in which the proxy sends the client's address, such as forwarded or x-real-ip",
  },
  "frontend-http-proxy-scheme": {
    type: "boolean",
    fallback: false,
    help: "trust the proxy's X-Forwarded-Proto and X-Forwarded-Port, or proto= in Forwarded",
  },
  "frontend-http-proxy-host": {
    type: "boolean",
    fallback: false,
    help: "trust the proxy's X-Forwarded-Host and X-Forwarded-Port, or host= in Forwarded",
  },
  "frontend-http-path-prefix": {
    type: "string",
    hint: "path",
    help: "path below which a proxy shows the registries, such as /registry for https://example.org/registry/v2/",
  },
  "frontend-http-cors-origin": {
    type: "list",
    hint: "origin",
    help: "origin, such as https://ui.example.org, whose web pages may use the registries, or '*' for any; repeatable",
  },
  "access-log": {
    type: "string",
    hint: "file",
    help: "file for the log of all requests, '-' for standard output; without it, they are not logged",
  },
  "access-log-format": {
    type: "string",
    hint: "json|text",
    fallback: "json",
    help: "JSON Lines, or text",
  },
  "limit-requests": {
    type: "string",
    hint: "count",
    help: "requests per second from one address; more get 429",
  },
  "limit-connections": {
    type: "string",
    hint: "count",
    help: "open HTTP connections from one address; beyond it, the longest idle ones are closed",
  },
  "limit-uploads": {
    type: "string",
    hint: "count",
    help: "uploads at the same time; more get 429",
  },
  "limit-manifest-size": {
    type: "string",
    hint: "size",
    fallback: "4MiB",
    help: "maximal size of a manifest",
  },
  "limit-blob-size": { type: "string", hint: "size", help: "maximal size of a blob, such as 10GiB" },
  "quota-registry": {
    type: "string",
    hint: "size",
    help: "quota of each registry; '/oci set <name> quota=' overrides it",
  },
  "quota-repository": {
    type: "string",
    hint: "size",
    help: "quota of each repository; '/oci set <name> repository-quota=' overrides it",
  },
  "stop-timeout": {
    type: "string",
    hint: "duration",
    fallback: "10s",
    help: "how long a stop waits for requests in progress",
  },
  "http-workers": {
    type: "string",
    hint: "count",
    help: "threads that serve HTTP; with 1, the main thread does (default: one per core)",
  },
  "frontend-ops-listen": {
    type: "string",
    hint: "host:port",
    help: "address for /livez, /readyz and /metrics (Prometheus); without it, they are off",
  },
  "frontend-ssh-listen": {
    type: "string",
    hint: "host:port",
    fallback: "127.0.0.1:2222",
    help: "address that SSH listens on",
  },
  "backend-admin-ssh": { type: "boolean", fallback: true, help: "serve the admin console over SSH" },
  "backend-oci-http": { type: "boolean", fallback: true, help: "serve the OCI registry over HTTP" },
  "backend-web": { type: "boolean", fallback: true, help: "serve pages and the API at each registry's host" },
  "backend-oci-http-vhost": {
    type: "list",
    hint: "host",
    fallback: "localhost",
    help: "host name of the registry 'default', a wildcard such as *.example.org, or '*' for any; repeatable",
  },
  "backend-oci-http-store": {
    type: "string",
    hint: "store",
    fallback: "everlock-oci-local",
    help: "store of the registry 'default'",
  },
  "backend-oci-http-references": {
    type: "string",
    hint: "strict|sparse",
    fallback: "strict",
    help: "sparse allows manifests of the registry 'default' to reference missing content",
  },
  "gc-every": {
    type: "string",
    hint: "duration",
    fallback: "6h",
    help: "how often cleanup rules are applied and unreferenced blobs removed, such as 6h, or 'never'",
  },
  "gc-grace": {
    type: "string",
    hint: "duration",
    fallback: "1d",
    help: "blobs uploaded or requested within this time are kept; must exceed the longest push",
  },
  "scrub-every": {
    type: "string",
    hint: "duration",
    fallback: "7d",
    help: "how often every object and blob is verified by its hash, such as 7d, or 'never'",
  },
  "password-min-length": {
    type: "string",
    hint: "count",
    fallback: String(MIN_PASSWORD_LENGTH),
    help: "smallest length of new passwords, in characters",
  },
  "admin-user": {
    type: "string",
    hint: "login",
    fallback: "admin",
    help: "administrator created at the first start",
  },
  "admin-password": {
    type: "string",
    hint: "password",
    help: "its password, visible to every user of the machine; without it, one is generated and printed once",
  },
  "admin-password-file": {
    type: "string",
    hint: "file",
    help: "file with its password, for services; the systemd credential 'admin-password' does the same",
  },
} as const satisfies Record<string, Setting>;

/** Switches a setting off that is otherwise a duration. */
export const NEVER = "never";

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

export function environmentName(name: SettingName): string {
  return `EVERLOCK_${name.replaceAll("-", "_").toUpperCase()}`;
}

export type RawValue = boolean | string | readonly string[];

/** An unchecked value, and the place that gave it. */
export interface GivenSetting {
  readonly value: RawValue;
  /** As messages name it: `--gc-every`, `EVERLOCK_GC_EVERY`, or `everlock.toml, line 3: gc-every`. */
  readonly source: string;
}

export type GivenSettings = Partial<Record<SettingName, GivenSetting>>;

/** A setting, flag or file is invalid; the message is the one line that the user sees. */
export class UsageError extends ExpectedError {
  override readonly name = "UsageError";
  override readonly kind = "usage";
}
