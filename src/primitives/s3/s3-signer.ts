import type { S3Credentials } from "./s3-credentials.ts";
import type { S3Location } from "./s3-location.ts";

/** A request before it is signed. */
export interface UnsignedRequest {
  readonly method: string;
  /** Below the endpoint, not encoded, without a slash in front. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`, which is the default. */
  readonly payloadHash: string | undefined;
  /** The time of the signature, from which on it is valid for 15 minutes. */
  readonly at: Date;
}

export interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";
/** Proxies may change these, so that they are not signed. */
const NOT_SIGNED: readonly string[] = ["content-type", "range"];

interface SigningKey {
  /** What it is made from: the secret key and the day. */
  readonly of: string;
  readonly key: Buffer;
}

/** Signs requests to one server with Signature Version 4 of AWS, without a wait: each request needs four short hashes. */
export class S3Signer {
  readonly #region: string;
  readonly #origin: string;
  readonly #host: string;
  #signingKey: SigningKey | undefined;

  constructor({ endpoint, region }: Pick<S3Location, "endpoint" | "region">) {
    const { origin, host } = new URL(endpoint);
    [this.#region, this.#origin, this.#host] = [region, origin, host];
  }

  sign(request: UnsignedRequest, credentials: S3Credentials): SignedRequest {
    const { method, headers, payloadHash = UNSIGNED, at } = request;
    const time = timeOf(at);
    const all: Record<string, string> = { host: this.#host };
    for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value;
    all["x-amz-content-sha256"] = payloadHash;
    all["x-amz-date"] = time;
    if (credentials.sessionToken !== undefined) all["x-amz-security-token"] = credentials.sessionToken;
    const names = Object.keys(all)
      .filter((name) => !NOT_SIGNED.includes(name))
      .sort();
    const [path, query] = [pathOf(request.path), queryOf(request.query)];
    const signedNames = names.join(";");
    const lines = names.map((name) => `${name}:${(all[name] ?? "").trim().replaceAll(/\s+/g, " ")}\n`);
    const canonical = [method, path, query, lines.join(""), signedNames, payloadHash].join("\n");
    const signature = this.#signature(canonical, time, credentials);
    all["authorization"] =
      `${ALGORITHM} Credential=${credentials.accessKeyId}/${this.#scope(time)}, SignedHeaders=${signedNames}, Signature=${signature}`;
    // The client sends it by itself.
    delete all["host"];
    return { url: this.#url(path, query), headers: all };
  }

  /** An address at which anyone can get the object for so many seconds. */
  presign(path: string, seconds: number, credentials: S3Credentials, at: Date): string {
    const time = timeOf(at);
    const encoded = pathOf(path);
    const query = queryOf({
      "X-Amz-Algorithm": ALGORITHM,
      "X-Amz-Credential": `${credentials.accessKeyId}/${this.#scope(time)}`,
      "X-Amz-Date": time,
      "X-Amz-Expires": String(seconds),
      "X-Amz-SignedHeaders": "host",
      ...(credentials.sessionToken !== undefined && { "X-Amz-Security-Token": credentials.sessionToken }),
    });
    const canonical = ["GET", encoded, query, `host:${this.#host}\n`, "host", UNSIGNED].join("\n");
    const signature = this.#signature(canonical, time, credentials);
    return `${this.#url(encoded, query)}&X-Amz-Signature=${signature}`;
  }

  #signature(canonical: string, time: string, credentials: S3Credentials): string {
    const hash = new Bun.CryptoHasher("sha256").update(canonical).digest("hex");
    const text = [ALGORITHM, time, this.#scope(time), hash].join("\n");
    return new Bun.CryptoHasher("sha256", this.#keyOf(credentials, time)).update(text).digest("hex");
  }

  #keyOf({ secretAccessKey }: S3Credentials, time: string): Buffer {
    const day = time.slice(0, 8);
    const of = `${day} ${secretAccessKey}`;
    if (this.#signingKey?.of !== of) {
      const parts = [day, this.#region, "s3", "aws4_request"];
      this.#signingKey = { of, key: parts.reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`)) };
    }
    return this.#signingKey.key;
  }

  #scope(time: string): string {
    return `${time.slice(0, 8)}/${this.#region}/s3/aws4_request`;
  }

  #url(path: string, query: string): string {
    return `${this.#origin}${path}${query === "" ? "" : `?${query}`}`;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return new Bun.CryptoHasher("sha256", key).update(text).digest();
}

function timeOf(at: Date): string {
  return at.toISOString().replaceAll(/[:-]|\.\d{3}/g, "");
}

function pathOf(path: string): string {
  return `/${path.split("/").map(encoded).join("/")}`;
}

/** The parameters in the order of their names. */
function queryOf(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("&");
}

/** As RFC 3986 has it: all but its unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
