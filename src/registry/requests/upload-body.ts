import type { RepositoryName } from "../model/repository-name.ts";
import type { Chunk, SessionId } from "../model/storage.ts";
import { parseContentRange } from "./byte-range.ts";
import { RegistryError } from "./errors.ts";
import type { RegistryRequest, Result } from "./registry-request.ts";

const BUSY_RETRY_SECONDS = "5";

/** Has `work` take in the request's body for an upload, within the limits of what a client may bring. */
export async function receiveChunk(
  exchange: RegistryRequest,
  { repository, session }: { readonly repository: RepositoryName; readonly session: SessionId },
  work: (chunk: Chunk) => Promise<Result>,
): Promise<Result> {
  const { request, storage, limits } = exchange;
  const header = request.headers.get("Content-Range");
  const range = header === null ? undefined : parseContentRange(header);
  if (header !== null && !range) return new RegistryError("contentRangeInvalid");
  const length = request.headers.get("Content-Length");
  if (range && length !== null && Number(length) !== range.last - range.first + 1)
    return new RegistryError("sizeMismatch");
  const ends = range && { start: range.first, end: range.last + 1 };
  if (!request.body || length === "0") return work({ body: emptyBody(), range: ends, length: 0 });

  const { blobBytes } = limits;
  const already = blobBytes === undefined ? 0 : ((await storage.uploadSize(repository, session)) ?? 0);
  const room = blobBytes === undefined ? Number.POSITIVE_INFINITY : blobBytes - already;
  const tooLarge = () =>
    new RegistryError("blobTooLarge", { message: `blob is larger than ${blobBytes} bytes` });
  if (Number(length ?? 0) > room) return tooLarge();
  const end = limits.beginUpload();
  if (!end) return new RegistryError("tooManyUploads", { headers: { "Retry-After": BUSY_RETRY_SECONDS } });
  try {
    const body = new MeteredBody(request.body, room, (bytes) => {
      exchange.trace.received += bytes;
    });
    const result = await work({ body, range: ends, length: length === null ? undefined : Number(length) });
    if (!body.isTooLong) return result;
    await storage.cancelUpload(repository, session);
    return tooLarge();
  } finally {
    end();
  }
}

/** The same chunks, counted; it breaks off where they are more than `room` bytes. A generator would cost more for each. */
class MeteredBody implements AsyncIterable<Uint8Array> {
  isTooLong = false;
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #count: (bytes: number) => void;
  #room: number;

  constructor(body: AsyncIterable<Uint8Array>, room: number, count: (bytes: number) => void) {
    this.#body = body;
    this.#room = room;
    this.#count = count;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#body[Symbol.asyncIterator]();
    return {
      next: async () => {
        const next = await chunks.next();
        if (next.done) return next;
        this.#count(next.value.length);
        this.#room -= next.value.length;
        if (this.#room >= 0) return next;
        this.isTooLong = true;
        throw new Error("the body is longer than a blob may be");
      },
    };
  }
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
