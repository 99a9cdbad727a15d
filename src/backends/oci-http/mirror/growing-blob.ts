import { readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { noteReceived } from "../../../primitives/bounds/buffer-pressure.ts";
import { isMissingFile } from "../../../primitives/fs/files.ts";
import type { BlobStream, StoredBlob } from "../../../registry/model/storage.ts";
import { FetchProgress } from "./fetch-progress.ts";
import type { GrowingBlob } from "./mirror-calls.ts";

const PIECE_BYTES = 256 * 1024;
/** What was written within so many bytes is in memory: reading it at once costs less than a hop to another thread. */
const RECENT_BYTES = 16 * 1024 * 1024;

type Range = Parameters<BlobStream>[0];
type Bytes = Uint8Array<ArrayBuffer>;

/** The fetch of a blob has failed after its first bytes were sent. The client's connection is closed: a log line tells why. */
class BrokenFetchError extends Error {}

/** A blob that is still being fetched, to be served as it grows. `stored` opens it once it is whole. */
export function growingBlob(growing: GrowingBlob, stored: () => Promise<StoredBlob | undefined>): StoredBlob {
  return {
    size: growing.size,
    content: (range) => streamOf(growingPieces(growing, range, stored, newBuffer)),
    body(range) {
      // The runtime has copied or sent a piece by the time that it wants the next one: each reader has one buffer.
      let own: Bytes | undefined;
      const buffer = (length: number): Bytes => {
        if (!own || own.length < length) own = new Uint8Array(length);
        return own;
      };
      return bodyOf(growingPieces(growing, range, stored, buffer));
    },
  };
}

/** Gives a buffer of at least so many bytes; a piece that was read into it before is no longer needed. */
type GiveBuffer = (length: number) => Bytes;

function newBuffer(length: number): Bytes {
  noteReceived(length);
  return new Uint8Array(length);
}

/**
 * The bytes of a range as they arrive. The last byte of the blob is held back until its digest is known to be right: what
 * turns out to be wrong must not look whole to a client that does not check it.
 */
async function* growingPieces(
  { path, size, progress: memory }: GrowingBlob,
  { first, last }: NonNullable<Range> = { first: 0, last: size - 1 },
  stored: () => Promise<StoredBlob | undefined>,
  buffer: GiveBuffer,
): AsyncGenerator<Bytes> {
  const file = await openIfPresent(path);
  if (!file) {
    yield* storedPieces(await stored(), { first, last });
    return;
  }
  try {
    const progress = new FetchProgress(memory);
    for (let at = first; at <= last; ) {
      const { seen, status, arrived } = progress;
      if (status === "failed") throw new BrokenFetchError(`the fetch of a blob has failed`);
      const end = status === "whole" ? last + 1 : Math.min(last + 1, arrived, size - 1);
      const length = Math.min(end - at, PIECE_BYTES);
      const piece =
        length > 0
          ? await readPiece(file, at, buffer(length).subarray(0, length), arrived - at < RECENT_BYTES)
          : undefined;
      if (piece) {
        at += piece.length;
        yield piece;
      } else if (status === "whole") throw new Error(`the file of a fetched blob is too short: ${path}`);
      else await progress.change(seen);
    }
  } finally {
    await file.close();
  }
}

/** `undefined` if nothing is there yet. */
async function readPiece(
  file: FileHandle,
  at: number,
  buffer: Bytes,
  isInMemory: boolean,
): Promise<Bytes | undefined> {
  const bytesRead = isInMemory
    ? readSync(file.fd, buffer, 0, buffer.length, at)
    : (await file.read(buffer, 0, buffer.length, at)).bytesRead;
  return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
}

async function* storedPieces(blob: StoredBlob | undefined, range: NonNullable<Range>): AsyncGenerator<Bytes> {
  if (!blob) throw new BrokenFetchError("the fetch of a blob has failed");
  const { content } = blob;
  if (content instanceof Uint8Array) yield content.slice(range.first, range.last + 1);
  else if (typeof content === "function") yield* content(range);
  else yield* content.slice(range.first, range.last + 1).stream() as ReadableStream<Bytes>;
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

function streamOf(pieces: AsyncGenerator<Bytes>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      pull: async (controller) => {
        const piece = await pieces.next();
        if (piece.done) controller.close();
        else controller.enqueue(piece.value);
      },
      cancel: () => end(pieces),
    },
    { highWaterMark: 0 },
  );
}

/** For the body of a response: the runtime takes the bytes as they come, without a queue. */
function bodyOf(pieces: AsyncGenerator<Bytes>): ReadableStream<Bytes> {
  const body: Bun.DirectUnderlyingSource<Bytes> = {
    type: "direct",
    pull: async (controller) => {
      for await (const piece of pieces) {
        controller.write(piece);
        await controller.flush(true);
      }
      controller.close();
    },
    cancel: () => end(pieces),
  };
  return new ReadableStream(body);
}

function end(pieces: AsyncGenerator<Bytes>): void {
  pieces.return(undefined).catch(() => undefined);
}
