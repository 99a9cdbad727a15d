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
const MAX_BEHIND_BYTES = 8 * FLUSH_AHEAD_BYTES;

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

/** Writes the chunks of an upload one after the other, each of which it frees. */
class StreamWriter {
  readonly #fd: number;
  readonly #admit: () => void;
  readonly #ahead: FlushAhead;
  /** Where the next byte goes. */
  #position: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> | undefined;

  /** `admit` is called after each write; what it throws ends the next one. */
  constructor(fd: number, start: number, admit: () => void) {
    this.#fd = fd;
    this.#admit = admit;
    this.#ahead = new FlushAhead(fd, start);
    this.#position = start;
  }

  /**
   * At once, while the chunk is in the processor's cache: that takes three quarters of the processor time that a write on
   * another thread takes. Another one writes if the disk is slower than the client, which would block this thread, or if the
   * upload is alone, as there is an idle core then. Whatever arrives meanwhile is the next write. Resolves when there is
   * room for the next chunk; `undefined` if there is.
   */
  write(chunk: Uint8Array, isAlone: boolean): Promise<void> | undefined {
    const isIdle = this.#writing === undefined && this.#gatheredBytes === 0;
    if (isIdle && !isAlone && pace.isFast && !this.#ahead.isBehind(this.#position)) {
      this.#position += pace.measure(() => writeFullySync(this.#fd, chunk, this.#position));
      freeReceived(chunk);
      this.#admit();
      this.#ahead.written(this.#position);
      return undefined;
    }
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#writing !== undefined)
      return this.#gatheredBytes >= MAX_GATHERED_BYTES ? this.#writing : undefined;
    if (this.#gatheredBytes >= MAX_DIRECT_BYTES) this.#writeGathered();
    return undefined;
  }

  /** Writes what is left, and answers where the file ends. */
  async end(): Promise<number> {
    while (this.#writing !== undefined) await this.#writing;
    for (const chunk of this.#gathered) this.#position += writeFullySync(this.#fd, chunk, this.#position);
    this.#gathered = [];
    return this.#position;
  }

  /** Resolves when nothing is under way on the file. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#ahead.flushing]);
  }

  #writeGathered(): void {
    if (this.#gatheredBytes === 0) return;
    this.#writing = this.#writeAndFree(this.#gathered, this.#position).then(() => {
      this.#admit();
      this.#writing = undefined;
      this.#ahead.written(this.#position);
      this.#writeGathered();
    });
    // Awaited later; until then a failure must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.#position += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  async #writeAndFree(chunks: readonly Uint8Array[], position: number): Promise<void> {
    await writeAll(this.#fd, chunks, position);
    for (const chunk of chunks) freeReceived(chunk);
  }
}

/** Hashes a body and writes it to a file from `start`. Answers where it ends, and whether the body did not break off. */
export async function writeStream(
  fd: number,
  body: AsyncIterable<Uint8Array>,
  start: number,
  hasher: Bun.CryptoHasher | undefined,
  { admit, onChunk } = NO_CHECKS,
): Promise<{ size: number; whole: boolean }> {
  const writer = new StreamWriter(fd, start, admit);
  const chunks = body[Symbol.asyncIterator]();
  const turn = turns.begin();
  let isFirst = true;
  let whole = false;
  try {
    for (;;) {
      turn.idle();
      const next = await chunks.next().catch(() => "broken" as const);
      whole = next !== "broken";
      if (next === "broken" || next.done) break;
      onChunk();
      if (isFirst) admit();
      isFirst = false;
      const waiting = turn.ready(next.value.length);
      if (waiting !== undefined) await waiting;
      hasher?.update(next.value);
      const written = writer.write(next.value, turn.isAlone);
      if (written === undefined) continue;
      turn.idle();
      await written;
    }
    return { size: await writer.end(), whole };
  } finally {
    turn.end();
    // The caller closes the file: by then nothing may be under way on it, or it would hit the next one of that number.
    await writer.settle();
  }
}
