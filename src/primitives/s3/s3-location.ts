/** Where a bucket is, and which of its keys are Everlock's: plain data that threads hand to each other. */
export interface S3Location {
  /** Without a path, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Empty, or without a slash at either end; all keys begin with it and a slash. */
  readonly prefix: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Characters that need no care in a key ("safe characters" in the S3 user guide), without those that few use. */
const PREFIX = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;
const MAX_PREFIX = 256;

/** Parses `s3://bucket` or `s3://bucket/prefix`. */
export function parseS3Url(text: string): Pick<S3Location, "bucket" | "prefix"> | undefined {
  const [, bucket = "", prefix = ""] = text.match(/^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/) ?? [];
  if (!BUCKET.test(bucket) || bucket.includes("..")) return undefined;
  if (
    prefix !== "" &&
    (!PREFIX.test(prefix) || prefix.length > MAX_PREFIX || /(^|\/)\.{1,2}(\/|$)/.test(prefix))
  )
    return undefined;
  return { bucket, prefix };
}

/** Names an object, for messages. */
export function s3UrlOf({ bucket, prefix }: S3Location, key: string): string {
  return `s3://${[bucket, prefix, key].filter((part) => part !== "").join("/")}`;
}

/** The address of AWS S3 in a region. */
export function awsEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com`;
}

export function isAws({ endpoint, region }: Pick<S3Location, "endpoint" | "region">): boolean {
  return endpoint === awsEndpoint(region);
}

/** Parses the address of a server, such as `http://127.0.0.1:7070`, without path, query and user. */
export function parseS3Endpoint(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  const isBare = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  return isBare ? url.origin : undefined;
}
