import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../primitives/expected-error.ts";
import { CacheCounts } from "../primitives/s3/cache-counts.ts";
import { credentialSource, MissingCredentialsError } from "../primitives/s3/credential-source.ts";
import { awsEndpoint, isAws, parseS3Endpoint, parseS3Url, s3UrlOf } from "../primitives/s3/s3-location.ts";
import { newS3Memory } from "../primitives/s3/s3-memory.ts";
import type { S3Storage } from "../primitives/s3/s3-storage.ts";
import { parseDuration } from "../primitives/text/duration.ts";
import type { CheckedSettings } from "./checked-settings.ts";
import { type SettingName, UsageError } from "./settings.ts";

/** Where the stores are: in the data directory, or in a bucket. */
export type StorageConfig = { readonly kind: "local" } | ({ readonly kind: "s3" } & S3Storage);

/** An object store as the setting names it; `undefined` for stores in the data directory. */
export function storageName(storage: StorageConfig): string | undefined {
  return storage.kind === "s3" ? s3UrlOf(storage.bucket, "") : undefined;
}

const LOCAL = "local";
/** Settings that only an object store has. */
const OF_S3: readonly SettingName[] = [
  "storage-endpoint",
  "storage-region",
  "storage-credentials",
  "storage-ca",
  "storage-max-age",
  "storage-redirect",
  "cache-dir",
  "cache-size",
];
const DEFAULT_CACHE_BYTES = 10 * 1024 ** 3;
const MAX_AGE_SECONDS = 3600;
const MIN_GRACE_OF_TESTS = "TEST_EVERLOCK_MIN_GRACE_SECONDS";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const REGION = /^[a-z0-9-]{1,64}$/;
/** For servers that have no regions. */
const NO_REGION = "us-east-1";

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `UsageError`. */
export function storageConfig(settings: CheckedSettings, environment: Environment): StorageConfig {
  if (settings.text("storage") === LOCAL) {
    for (const name of OF_S3)
      if (settings.isGiven(name))
        throw new UsageError(`${settings.sourceOf(name)} needs --storage s3://<bucket>/<prefix>`);
    return { kind: "local" };
  }
  const { bucket, prefix } = settings.parsed(
    "storage",
    parseS3Url,
    `'${LOCAL}', or a bucket and a prefix such as s3://everlock/registry (bucket: 3 to 63 of a-z 0-9 . -, prefix: of A-Z a-z 0-9 . _ - /)`,
  );
  const server = serverOf(settings, environment);
  return {
    kind: "s3",
    bucket: { bucket, prefix, ...server },
    memory: newS3Memory(),
    credentialsFile: credentialsFile(settings, environment, isAws(server)),
    ca: certificatesOf(settings),
    maxAgeMs: maxAgeMs(settings),
    cache: cacheOf(settings),
    redirectAbove: settings.size("storage-redirect"),
    ...minGrace(environment),
  };
}

function serverOf(
  settings: CheckedSettings,
  environment: Environment,
): { readonly endpoint: string; readonly region: string } {
  const given =
    settings.optional("storage-region") === undefined
      ? environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"]
      : settings.parsed(
          "storage-region",
          (text) => (REGION.test(text) ? text : undefined),
          "the name of a region such as eu-central-1",
        );
  if (settings.optional("storage-endpoint") === undefined) {
    if (given === undefined)
      throw new UsageError(
        `${settings.sourceOf("storage")} needs --storage-region <region> for AWS S3, or --storage-endpoint <url> for another object store`,
      );
    return { endpoint: awsEndpoint(given), region: given };
  }
  const endpoint = settings.parsed(
    "storage-endpoint",
    parseS3Endpoint,
    "the address of an object store such as https://s3.example.org, without a path",
  );
  return { endpoint, region: given ?? NO_REGION };
}

/** Refuses at once what could serve nothing. The keys themselves stay where they are. */
function credentialsFile(
  settings: CheckedSettings,
  environment: Environment,
  isAws: boolean,
): string | undefined {
  const given = settings.optional("storage-credentials");
  const file = given === undefined ? undefined : resolve(settings.text("storage-credentials"));
  try {
    credentialSource(file, { environment, isAws });
  } catch (error) {
    if (!(error instanceof MissingCredentialsError)) throw error;
    throw new UsageError(
      `${settings.sourceOf(file === undefined ? "storage" : "storage-credentials")}: ${error.message}`,
    );
  }
  return file;
}

/** The text of the file, with one certificate at least. */
function certificatesOf(settings: CheckedSettings): string | undefined {
  const name = "storage-ca";
  if (settings.optional(name) === undefined) return undefined;
  const path = resolve(settings.text(name));
  const fail = (reason: string) => new UsageError(`${settings.sourceOf(name)}: ${path} ${reason}`);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fail(`can't be read: ${messageOf(error)}`);
  }
  try {
    for (const [certificate] of text.matchAll(CERTIFICATE)) new X509Certificate(certificate);
  } catch (error) {
    throw fail(`has a certificate that can't be read: ${messageOf(error)}`);
  }
  if (text.search(CERTIFICATE) < 0) throw fail("has no certificate; it must be in PEM format");
  return text;
}

function maxAgeMs(settings: CheckedSettings): number {
  const parse = (text: string) => {
    const seconds = parseDuration(text);
    return seconds !== undefined && seconds <= MAX_AGE_SECONDS ? seconds * 1000 : undefined;
  };
  return settings.parsed("storage-max-age", parse, "a time such as 0s or 5s, of up to 1h");
}

/** Tests of the collector can't wait for a quarter of an hour. It is no setting: nodes that differ lose what is pushed. */
function minGrace(environment: Environment): { readonly minGraceSeconds?: number } {
  const text = environment[MIN_GRACE_OF_TESTS];
  return text === undefined ? {} : { minGraceSeconds: Number(text) };
}

function cacheOf(settings: CheckedSettings): S3Storage["cache"] {
  if (settings.optional("cache-dir") === undefined) {
    if (settings.isGiven("cache-size"))
      throw new UsageError(`${settings.sourceOf("cache-size")} needs --cache-dir <dir>`);
    return undefined;
  }
  return {
    dir: resolve(settings.text("cache-dir")),
    bytes: settings.size("cache-size") ?? DEFAULT_CACHE_BYTES,
    counts: CacheCounts.memory(),
  };
}
