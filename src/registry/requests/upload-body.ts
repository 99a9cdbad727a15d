import type { RepositoryName } from "../model/repository-name.ts";
import type { Chunk, SessionId } from "../model/storage.ts";
import { parseContentRange } from "./byte-range.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryRequest, Result } from "./registry-request.ts";

const BUSY_RETRY_SECONDS = "5";

/** Calls `store` with the request body of an upload, within the limits on blob size and concurrent uploads. */
export async function receiveChunk(
  registryRequest: RegistryRequest,
  { repository, session }: { readonly repository: RepositoryName; readonly session: SessionId },
  store: (chunk: Chunk) => Promise<Result>,
): Promise<Result> {
  const { request, storage, limits } = registryRequest;
  const header = request.headers.get("Content-Range");
  const range = header === null ? undefined : parseContentRange(header);
  if (header !== null && !range) return new RegistryError("contentRangeInvalid");
  const length = request.headers.get("Content-Length");
  if (range && length !== null && Number(length) !== range.last - range.first + 1)
    return new RegistryError("sizeMismatch");
  const span = range && { start: range.first, end: range.last + 1 };
  if (!request.body || length === "0") return store({ body: emptyBody(), range: span, length: 0 });

  const { blobBytes } = limits;
  const stored = blobBytes === undefined ? 0 : ((await storage.uploadSize(repository, session)) ?? 0);
  const remaining = blobBytes === undefined ? Number.POSITIVE_INFINITY : blobBytes - stored;
  const tooLarge = () =>
    new RegistryError("blobTooLarge", { message: `blob is larger than ${blobBytes} bytes` });
  if (Number(length ?? 0) > remaining) return tooLarge();
  const release = limits.beginUpload();
  if (!release)
    return new RegistryError("tooManyUploads", { headers: { "Retry-After": BUSY_RETRY_SECONDS } });
  try {
    const body = new MeteredBody(request.body, remaining, (bytes) => {
      registryRequest.trace.received += bytes;
    });
    const result = await store({ body, range: span, length: length === null ? undefined : Number(length) });
    if (!body.isTooLong) return result;
    await storage.cancelUpload(repository, session);
    return tooLarge();
  } finally {
    release();
  }
}

/** Counts the chunks of a body and throws after `limit` bytes. A generator would be slower for each chunk. */
class MeteredBody implements AsyncIterable<Uint8Array> {
  isTooLong = false;
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #count: (bytes: number) => void;
  #remaining: number;

  constructor(body: AsyncIterable<Uint8Array>, limit: number, count: (bytes: number) => void) {
    this.#body = body;
    this.#remaining = limit;
    this.#count = count;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#body[Symbol.asyncIterator]();
    return {
      next: async () => {
        const next = await chunks.next();
        if (next.done) return next;
        this.#count(next.value.length);
        this.#remaining -= next.value.length;
        if (this.#remaining >= 0) return next;
        this.isTooLong = true;
        throw new Error("the body is longer than a blob may be");
      },
    };
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
