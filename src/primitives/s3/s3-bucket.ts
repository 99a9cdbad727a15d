import type { ByteRange } from "./byte-range.ts";
import type { ByteReader } from "./response-body.ts";
import type { S3Client } from "./s3-client.ts";
import { S3UnavailableError, S3UncertainError } from "./s3-errors.ts";
import { type S3Response, textOf } from "./s3-exchange.ts";
import type { S3Request } from "./s3-request.ts";
import { type ListedPage, parseDeletionErrors, parseListing, writeDeletion } from "./s3-xml.ts";

/** What a response says of an object. */
export interface S3Object {
  /** Bytes of the whole object. */
  readonly size: number;
  /** Opaque. */
  readonly etag: string;
  /** By the server's clock. */
  readonly modified: Date;
  /** The user-defined metadata, by lower-case name. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ReadObject extends S3Object {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface OpenedObject extends S3Object {
  /** Rejects if the connection breaks off, or no bytes come for seconds; its consumer compares the length. */
  readonly reader: ByteReader;
}

/** `absent`: the object must not exist yet. An ETag: it must still have it. */
export type WriteCondition = { readonly absent: true } | { readonly etag: string };

export interface PutOptions {
  readonly condition?: WriteCondition;
  readonly metadata?: Readonly<Record<string, string>>;
  /** See `S3Request`. */
  readonly timeoutMs?: number;
  readonly signedAt?: Date;
}

/** `refused`: the condition did not hold, and nothing was written. */
export type PutOutcome = { readonly kind: "stored"; readonly etag: string } | { readonly kind: "refused" };

const METADATA = "x-amz-meta-";
/** Most keys in a request of DeleteObjects. */
const MAX_DELETED = 1000;
/** How often a conditional write is repeated that met another writer (409), and the pause in between, in milliseconds. */
const MAX_CONFLICTS = 20;
const CONFLICT_PAUSE_MS = 20;

/** The objects of a bucket below a prefix. All keys are relative to the prefix. */
export class S3Bucket {
  readonly client: S3Client;

  constructor(client: S3Client) {
    this.client = client;
  }

  /** `undefined` if there is no such object. */
  async head(key: string): Promise<S3Object | undefined> {
    const response = await this.client.send({ method: "HEAD", key, isRepeatable: true });
    return response.status === 404 ? undefined : objectOf(response);
  }

  /** Reads a small object, or a range that lies within it; `undefined` if there is none. */
  async read(key: string, range?: ByteRange): Promise<ReadObject | undefined> {
    const response = await this.#get({ method: "GET", key, isRepeatable: true }, range);
    return response && { ...objectOf(response), bytes: response.bytes };
  }

  /** Opens an object, or a range that lies within it; `undefined` if there is none. */
  async open(key: string, range?: ByteRange): Promise<OpenedObject | undefined> {
    const response = await this.#get({ method: "GET", key, isRepeatable: true, isStreamed: true }, range);
    return response?.reader && { ...objectOf(response), reader: response.reader };
  }

  async #get(request: S3Request, range: ByteRange | undefined): Promise<S3Response | undefined> {
    const headers = range && { Range: `bytes=${range.first}-${range.last}` };
    const response = await this.client.send({ ...request, ...(headers && { headers }) });
    if (response.status === 404) return undefined;
    if (!response.ok || (range && response.status !== 206)) {
      await response.reader?.cancel();
      const { status } = response;
      throw new S3UnavailableError(`the object store does not send ${request.key} (status ${status})`);
    }
    return response;
  }

  /**
   * Writes an object whole. Rejects with `S3UncertainError` if it had a condition and it is unknown whether it was written.
   */
  async put(key: string, body: Uint8Array<ArrayBuffer>, options: PutOptions = {}): Promise<PutOutcome> {
    const { condition, metadata = {}, timeoutMs, signedAt } = options;
    const headers = { ...conditionHeaders(condition), ...metadataHeaders(metadata) };
    const response = await this.sendConditional(
      {
        method: "PUT",
        key,
        body,
        headers,
        isRepeatable: condition === undefined,
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(signedAt && { signedAt }),
      },
      condition,
    );
    return response === "refused" ? { kind: "refused" } : { kind: "stored", etag: etagOf(response) };
  }

  /** Sends a write that may have a condition: repeats it while other writers are in the way, and says if it was refused. */
  async sendConditional(
    request: S3Request,
    condition: WriteCondition | undefined,
  ): Promise<S3Response | "refused"> {
    for (let conflicts = 0; ; conflicts++) {
      let response: S3Response;
      try {
        response = await this.client.send(request);
      } catch (error) {
        if (condition === undefined || !(error instanceof S3UnavailableError)) throw error;
        throw new S3UncertainError(error.message, { cause: error });
      }
      if (response.ok) return response;
      // A condition on an ETag is not met either by an object that is gone.
      if (condition && [404, 412].includes(response.status)) return "refused";
      if (response.status !== 409 || conflicts >= MAX_CONFLICTS)
        throw new S3UnavailableError(
          `the object store refuses to write ${request.key} (status ${response.status})`,
        );
      await Bun.sleep(CONFLICT_PAUSE_MS * (0.5 + Math.random()));
    }
  }

  /** Deletes an object whose key nobody uses again; one that does not exist counts as deleted. */
  async remove(key: string): Promise<void> {
    await this.client.send({ method: "DELETE", key, isRepeatable: true });
  }

  /**
   * Deletes an object whose key may be used again, with one request: a second one could be done while the first is still on
   * its way, which then would delete what was written in between. `signedAt`: see `S3Request`. False if it is still there.
   */
  async removeOnce(key: string, signedAt: Date): Promise<boolean> {
    try {
      await this.client.send({ method: "DELETE", key, isRepeatable: false, signedAt });
      return true;
    } catch (error) {
      if (!(error instanceof S3UnavailableError)) throw error;
      return (await this.head(key)) === undefined;
    }
  }

  /** Deletes many objects, in as few requests as possible. */
  async removeAll(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += MAX_DELETED) {
      const page = keys.slice(from, from + MAX_DELETED).map((key) => this.#fullKey(key));
      const body = new Uint8Array(Buffer.from(writeDeletion(page)));
      const md5 = new Bun.CryptoHasher("md5").update(body).digest("base64");
      const response = await this.client.send({
        method: "POST",
        query: { delete: "" },
        headers: { "Content-MD5": md5 },
        body,
        isRepeatable: true,
      });
      const [error] = parseDeletionErrors(textOf(response));
      if (error !== undefined) throw new S3UnavailableError(`the object store can't delete ${error}`);
    }
  }

  /** All objects below `prefix` in the order of their keys, page by page; those after `after` if it is given. */
  async *list(prefix: string, after?: string): AsyncGenerator<ListedPage["objects"]> {
    for await (const page of this.#pages(prefix, {
      ...(after !== undefined && { "start-after": this.#fullKey(after) }),
    }))
      if (page.objects.length > 0) yield page.objects;
  }

  /** The names of the "directories" directly below `prefix`, which ends in a slash or is empty. */
  async *listDirectories(prefix: string): AsyncGenerator<string> {
    for await (const page of this.#pages(prefix, { delimiter: "/" }))
      for (const full of page.prefixes) yield full.slice(this.#fullKey(prefix).length, -1);
  }

  async *#pages(prefix: string, query: Readonly<Record<string, string>>): AsyncGenerator<ListedPage> {
    for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const response = await this.client.send({
        method: "GET",
        query: {
          "list-type": "2",
          prefix: this.#fullKey(prefix),
          ...query,
          ...(next !== undefined && { "continuation-token": next }),
        },
        isRepeatable: true,
      });
      const page = parseListing(textOf(response));
      yield {
        ...page,
        objects: page.objects.map((object) => ({ ...object, key: this.#relativeKey(object.key) })),
      };
      next = page.next;
    }
  }

  #fullKey(key: string): string {
    const { prefix } = this.client.location;
    return prefix === "" ? key : `${prefix}/${key}`;
  }

  #relativeKey(key: string): string {
    const { prefix } = this.client.location;
    return prefix === "" ? key : key.slice(prefix.length + 1);
  }
}

export function conditionHeaders(condition: WriteCondition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return "absent" in condition ? { "If-None-Match": "*" } : { "If-Match": condition.etag };
}

export function metadataHeaders(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`${METADATA}${name}`, value]));
}

function objectOf(response: S3Response): S3Object {
  const { headers } = response;
  const [, total] = headers.get("content-range")?.match(/\/(\d+)$/) ?? [];
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith(METADATA)) metadata[name.slice(METADATA.length)] = value;
  }
  return {
    size: Number(total ?? headers.get("content-length")),
    etag: etagOf(response),
    modified: new Date(headers.get("last-modified") ?? 0),
    metadata,
  };
}

function etagOf(response: S3Response): string {
  return response.headers.get("etag") ?? "";
}
