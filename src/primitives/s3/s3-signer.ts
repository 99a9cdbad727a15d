import { AwsV4Signer } from "aws4fetch";
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
  readonly headers: Headers;
}

interface RepeatableSignature extends Pick<UnsignedRequest, "path" | "at"> {
  readonly credentials: S3Credentials;
  readonly signed: SignedRequest;
}

type SignerOptions = ConstructorParameters<typeof AwsV4Signer>[0];

/** How long a signature is used again for an equal request, in milliseconds: a small part of the 15 minutes. */
const REUSE_MS = 5000;

/** Signs requests to one server with Signature Version 4 of AWS. */
export class S3Signer {
  readonly #endpoint: string;
  readonly #region: string;
  /** Of aws4fetch, by secret key and day. */
  readonly #keys = new Map<string, ArrayBuffer>();
  /** The last GET that consists of its path alone: a node that looks at the end of the log repeats it. */
  #last: RepeatableSignature | undefined;

  constructor({ endpoint, region }: Pick<S3Location, "endpoint" | "region">) {
    this.#endpoint = endpoint;
    this.#region = region;
  }

  async sign(request: UnsignedRequest, credentials: S3Credentials): Promise<SignedRequest> {
    if (!isPlainGet(request)) return this.#sign(request, credentials);
    const { path, at } = request;
    const last = this.#last;
    if (last?.path === path && last.credentials === credentials) {
      const age = at.getTime() - last.at.getTime();
      // One of later must not be used either: it would be valid for longer.
      if (age >= 0 && age < REUSE_MS) return last.signed;
    }
    const signed = await this.#sign(request, credentials);
    this.#last = { path, at, credentials, signed };
    return signed;
  }

  async #sign(
    { method, path, query, headers, payloadHash, at }: UnsignedRequest,
    credentials: S3Credentials,
  ): Promise<SignedRequest> {
    const signed = await this.#signer(
      {
        method,
        url: this.#url(path, query),
        headers: { ...headers, ...(payloadHash !== undefined && { "X-Amz-Content-Sha256": payloadHash }) },
        datetime: timeOf(at),
      },
      credentials,
    ).sign();
    return { url: signed.url.href, headers: signed.headers };
  }

  /** An address at which anyone can get the object for so many seconds. */
  async presign(path: string, seconds: number, credentials: S3Credentials, at: Date): Promise<string> {
    const url = this.#url(path, { "X-Amz-Expires": String(seconds) });
    const request = { method: "GET", url, signQuery: true, datetime: timeOf(at) };
    return (await this.#signer(request, credentials).sign()).url.href;
  }

  #signer(
    request: Pick<SignerOptions, "method" | "url" | "headers" | "datetime" | "signQuery">,
    { sessionToken, ...keys }: S3Credentials,
  ): AwsV4Signer {
    return new AwsV4Signer({
      ...request,
      ...keys,
      ...(sessionToken !== undefined && { sessionToken }),
      service: "s3",
      region: this.#region,
      cache: this.#keys,
    });
  }

  #url(path: string, query: Readonly<Record<string, string>>): string {
    const url = new URL(`${this.#endpoint}/${path.split("/").map(encodeURIComponent).join("/")}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }
}

/** Whether the path is all there is to sign. A write never has the signature of another one, which may be of use for longer. */
function isPlainGet({ method, query, headers, payloadHash }: UnsignedRequest): boolean {
  return method === "GET" && payloadHash === undefined && isEmpty(query) && isEmpty(headers);
}

function isEmpty(record: Readonly<Record<string, string>>): boolean {
  return Object.keys(record).length === 0;
}

function timeOf(at: Date): string {
  return at.toISOString().replaceAll(/[:-]|\.\d{3}/g, "");
}
