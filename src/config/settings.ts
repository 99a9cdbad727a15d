/** One setting of the server, under the same name as flag, in the configuration file and (as `EVERLOCK_…`) in the environment. */
export interface Setting {
  readonly type: "boolean" | "string" | "list";
  readonly help: string;
  /** What to write for the value, in the usage text. */
  readonly hint?: string;
  readonly fallback?: boolean | string;
}

export const SETTINGS = {
  "data-dir": { type: "string", hint: "dir", fallback: "data", help: "where everything is kept" },
  config: {
    type: "string",
    hint: "file",
    help: "TOML file with any of these settings, under the same names",
  },
  "frontend-http": { type: "boolean", fallback: true, help: "serve HTTP" },
  "frontend-http-listen-http": {
    type: "string",
    hint: "host:port",
    fallback: "127.0.0.1:8080",
    help: "where HTTP listens",
  },
  "frontend-http-listen-https": {
    type: "string",
    hint: "host:port",
    help: "where HTTPS listens; without it, nowhere",
  },
  "frontend-http-tls-certificate": {
    type: "list",
    hint: "file",
    help: "certificate for HTTPS (PEM, with its chain); may be given several times, and each host gets its own",
  },
  "frontend-http-tls-key": {
    type: "list",
    hint: "file",
    help: "private key (PEM) of the certificate at the same place",
  },
  "frontend-http-redirect": {
    type: "boolean",
    fallback: false,
    help: "send clients of plain HTTP to HTTPS",
  },
  "frontend-http-hsts": {
    type: "string",
    hint: "duration",
    fallback: "180d",
    help: "how long answers over HTTPS bind browsers to it, or 'never'",
  },
  "frontend-http-trusted-proxy": {
    type: "list",
    hint: "network",
    help: "proxy, as an address or a network such as 10.0.0.0/8, whose word on the client's address is believed",
  },
  "frontend-http-proxy-header": {
    type: "string",
    hint: "header",
    fallback: "x-forwarded-for",
    help: "the one header by which it tells the client's address, such as forwarded or x-real-ip",
  },
  "frontend-http-proxy-scheme": {
    type: "boolean",
    fallback: false,
    help: "it also sets the scheme that the client used: X-Forwarded-Proto, or proto= in Forwarded",
  },
  "frontend-http-proxy-host": {
    type: "boolean",
    fallback: false,
    help: "it also sets the host that the client asked for: X-Forwarded-Host, or host= in Forwarded",
  },
  "access-log": {
    type: "string",
    hint: "file",
    help: "where every request is logged, '-' for standard output; without it, nowhere",
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
    help: "requests per second of one address; more are answered 429",
  },
  "limit-connections": {
    type: "string",
    hint: "count",
    help: "HTTP connections that one address may have open; of more, those idle the longest are closed",
  },
  "limit-uploads": {
    type: "string",
    hint: "count",
    help: "uploads that come in at the same time; more are answered 429",
  },
  "limit-manifest-size": { type: "string", hint: "size", fallback: "4MiB", help: "the largest manifest" },
  "limit-blob-size": { type: "string", hint: "size", help: "the largest blob, such as 10GiB" },
  "quota-registry": {
    type: "string",
    hint: "size",
    help: "what each registry may store; '/oci set <name> quota=' sets another",
  },
  "quota-repository": {
    type: "string",
    hint: "size",
    help: "what each repository may store; '/oci set <name> repository-quota=' sets another",
  },
  "stop-timeout": {
    type: "string",
    hint: "duration",
    fallback: "10s",
    help: "how long a stop waits for the requests under way",
  },
  "http-workers": {
    type: "string",
    hint: "count",
    help: "threads that serve HTTP; 1 serves it beside everything else (default: one per core)",
  },
  "frontend-ops-listen": {
    type: "string",
    hint: "host:port",
    help: "where /livez, /readyz and /metrics (Prometheus) are answered; without it, nowhere",
  },
  "frontend-ssh-listen": {
    type: "string",
    hint: "host:port",
    fallback: "127.0.0.1:2222",
    help: "where SSH listens",
  },
  "backend-admin-ssh": { type: "boolean", fallback: true, help: "offer the admin console over SSH" },
  "backend-oci-http": { type: "boolean", fallback: true, help: "offer the OCI registry over HTTP" },
  "backend-oci-http-vhost": {
    type: "list",
    hint: "host",
    fallback: "localhost",
    help: "host name of the registry 'default'; may be given several times",
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
    help: "sparse lets manifests of the registry 'default' name content that is not there",
  },
  "gc-every": {
    type: "string",
    hint: "duration",
    fallback: "6h",
    help: "how often cleanup rules are applied and blobs removed that nothing needs, such as 6h, or 'never'",
  },
  "gc-grace": {
    type: "string",
    hint: "duration",
    fallback: "1d",
    help: "blobs that were uploaded or asked for within this time are never removed; longer than the longest push",
  },
  "scrub-every": {
    type: "string",
    hint: "duration",
    fallback: "7d",
    help: "how often every object and blob is hashed again, such as 7d, or 'never'",
  },
  "admin-user": {
    type: "string",
    hint: "login",
    fallback: "admin",
    help: "administrator made at the first start",
  },
  "admin-password": {
    type: "string",
    hint: "password",
    help: "its password, which every user of the machine can see; without it one is generated and printed once",
  },
  "admin-password-file": {
    type: "string",
    hint: "file",
    help: "file that holds its password, for services; the systemd credential 'admin-password' does the same",
  },
} as const satisfies Record<string, Setting>;

/** In place of a duration. */
export const NEVER = "never";

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

export function environmentName(name: SettingName): string {
  return `EVERLOCK_${name.replaceAll("-", "_").toUpperCase()}`;
}

/** Values of settings from one source, before they are checked. */
export type RawSettings = Partial<Record<SettingName, boolean | string | readonly string[]>>;

/** A setting, flag or file that is not what it should be; the message is the one line that the user sees. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
