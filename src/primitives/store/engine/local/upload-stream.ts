import { freeReceived } from "../../../bounds/buffer-pressure.ts";
import { syncFileData } from "../../../fs/durable.ts";
import { writeAll, writeFullySync } from "../../../fs/files.ts";
import { DiskPace } from "./disk-pace.ts";
import { UploadTurns } from "./upload-turns.ts";

/** What is left to write at the end of a body is written at once up to this size: a hop to another thread costs more. */
const MAX_DIRECT_BYTES = 64 * 1024;

/**
 * With a slow disk, chunks that arrive during a write are gathered up to this size; then the client has to wait. With a
 * MiB, eight large uploads at once cost a quarter more CPU.
 */
const MAX_GATHERED_BYTES = 512 * 1024;

/** Bytes after which what was written starts on its way to the disk, rather than all of it at the end. */
const FLUSH_AHEAD_BYTES = 8 * 1024 * 1024;

/** With so much behind what is on its way to the disk, the disk is slower than the client. */
const MAX_BEHIND_BYTES = 4 * FLUSH_AHEAD_BYTES;

const turns = new UploadTurns();
const pace = new DiskPace();

/** Sends what was written on its way to the disk: only a head start, so what fails here fails again in the sync that counts. */
class FlushAhead {
  flushing: Promise<void> | undefined;
  readonly #fd: number;
  #flushed: number;

  constructor(fd: number, start: number) {
    this.#fd = fd;
    this.#flushed = start;
  }

  isBehind(position: number): boolean {
    return this.flushing !== undefined && position - this.#flushed > MAX_BEHIND_BYTES;
  }

  /** `position` is where the next byte goes. */
  written(position: number): void {
    if (this.flushing !== undefined || position - this.#flushed < FLUSH_AHEAD_BYTES) return;
    this.#flushed = position;
    this.flushing = syncFileData(this.#fd)
      .catch(() => undefined)
      .finally(() => {
        this.flushing = undefined;
      });
  }
}

/** Both may throw, which ends the write. */
export interface StreamChecks {
  /** Called between two writes: whether there is room for more. */
  readonly admit: () => void;
  /** Called for each chunk of the body. */
  readonly onChunk: () => void;
}

const NO_CHECKS: StreamChecks = { admit: () => undefined, onChunk: () => undefined };

async function writeAndFree(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  await writeAll(fd, chunks, position);
  for (const chunk of chunks) freeReceived(chunk);
}

/**
 * Hashes and writes each chunk at once, while it is in the processor's cache, and frees it for the next one: that takes
 * three quarters of the processor time that a write on another thread takes. A disk that is slower than the client would
 * block this thread: then another one writes, and whatever arrived meanwhile is the next write.
 */
export async function writeStream(
  fd: number,
  body: AsyncIterable<Uint8Array>,
  start: number,
  hasher: Bun.CryptoHasher | undefined,
  { admit, onChunk } = NO_CHECKS,
): Promise<{ size: number; whole: boolean }> {
  let position = start;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> | undefined;
  const ahead = new FlushAhead(fd, start);
  const writeGathered = (): void => {
    if (gatheredBytes === 0) return;
    writing = writeAndFree(fd, gathered, position).then(() => {
      admit();
      writing = undefined;
      ahead.written(position);
      writeGathered();
    });
    // Awaited later; until then a failure must not count as unhandled.
    writing.catch(() => undefined);
    position += gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
  };
  const chunks = body[Symbol.asyncIterator]();
  const turn = turns.begin();
  let whole = false;
  try {
    for (;;) {
      turn.idle();
      const next = await chunks.next().catch(() => "broken" as const);
      whole = next !== "broken";
      if (next === "broken" || next.done) break;
      onChunk();
      if (gatheredBytes === 0 && position === start) admit();
      const waiting = turn.ready(next.value.length);
      if (waiting !== undefined) await waiting;
      hasher?.update(next.value);
      if (writing === undefined && gatheredBytes === 0 && pace.isFast && !ahead.isBehind(position)) {
        const chunk = next.value;
        position += pace.measure(() => writeFullySync(fd, chunk, position));
        freeReceived(chunk);
        admit();
        ahead.written(position);
        continue;
      }
      gathered.push(next.value);
      gatheredBytes += next.value.length;
      if (writing !== undefined) {
        if (gatheredBytes >= MAX_GATHERED_BYTES) {
          turn.idle();
          await writing;
        }
      } else if (gatheredBytes >= MAX_DIRECT_BYTES) writeGathered();
    }
    while (writing !== undefined) await writing;
    for (const chunk of gathered) position += writeFullySync(fd, chunk, position);
    return { size: position, whole };
  } finally {
    turn.end();
    // The caller closes the file: by then nothing may be under way on it, or it would hit the next one of that number.
    await Promise.allSettled([writing, ahead.flushing]);
  }
}
