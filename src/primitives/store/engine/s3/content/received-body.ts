import { freeReceived, noteReceived } from "../../../../bounds/buffer-pressure.ts";
import type { MonotonicClock } from "../../../../monotonic-clock.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import type { SessionVersion, UploadSessions } from "./upload-sessions.ts";

/** While a body arrives, the node looks this often (ms) whether another one has changed its session. */
const LOOK_MS = 2000;
/** And writes the session again this often, so that it does not look abandoned. */
const KEEP_ALIVE_MS = 10 * 60 * 1000;

/** `asked`: other uploads wait for its memory. */
export type Reception = "whole" | "broken-off" | "ended" | "asked";

/** A request that appends to a session. */
export class OpenAppend {
  readonly #sessions: UploadSessions;
  readonly #now: MonotonicClock;
  #version: SessionVersion;
  #isCancelled = false;
  /** Another node has changed the session. */
  #isLost = false;
  #looked: number;
  #written: number;
  #looking: Promise<void> | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  /** Asked for, but not received when the memory was to be given back. */
  #next: Promise<IteratorResult<Uint8Array> | "broken"> | undefined;

  readonly #ownsBodies: boolean;

  /** `ownsBodies`: see `S3UploadsOptions`. */
  constructor(sessions: UploadSessions, version: SessionVersion, now: MonotonicClock, ownsBodies: boolean) {
    this.#ownsBodies = ownsBodies;
    this.#sessions = sessions;
    this.#version = version;
    this.#now = now;
    this.#looked = now();
    this.#written = this.#looked;
  }

  /** What the next write of the session expects. */
  get version(): SessionVersion {
    return this.#version;
  }

  /** The request has written the session. */
  written(version: SessionVersion): void {
    this.#version = version;
  }

  /** Another request of this node ends the session. */
  cancel(): void {
    this.#isCancelled = true;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Takes in a body as it comes. Rejects if the store fails. After `asked` it is to be called again with another writer. */
  async receive(
    body: AsyncIterable<Uint8Array>,
    writer: SegmentWriter,
    hasher: Bun.CryptoHasher | undefined,
  ): Promise<Reception> {
    this.#chunks ??= body[Symbol.asyncIterator]();
    const chunks = this.#chunks;
    let reception: Reception = "broken-off";
    try {
      reception = await this.#receive(chunks, writer, hasher);
      return reception;
    } finally {
      await this.#looking;
      // Without this, a body that is not read to its end stays open.
      if (reception !== "asked") chunks.return?.().catch(() => undefined);
    }
  }

  async #receive(
    chunks: AsyncIterator<Uint8Array>,
    writer: SegmentWriter,
    hasher: Bun.CryptoHasher | undefined,
  ): Promise<Reception> {
    for (;;) {
      const { asked } = writer;
      this.#next ??= chunks.next().catch(() => "broken" as const);
      const next = await (asked ? Promise.race([asked, this.#next]) : this.#next);
      if (next === "asked") return this.#isCancelled || this.#isLost ? "ended" : "asked";
      this.#next = undefined;
      if (this.#isCancelled || this.#isLost) return "ended";
      if (next === "broken") return "broken-off";
      if (next.done) return "whole";
      hasher?.update(next.value);
      const waiting = writer.write(next.value);
      if (waiting !== undefined) await waiting;
      if (this.#ownsBodies) freeReceived(next.value);
      else noteReceived(next.value.length);
      this.#lookIfDue();
    }
  }

  #lookIfDue(): void {
    const now = this.#now();
    if (this.#looking || now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    // What fails here fails again in the write that counts.
    this.#looking = this.#look(now)
      .catch(() => undefined)
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #look(now: number): Promise<void> {
    if (now - this.#written >= KEEP_ALIVE_MS) {
      const next = await this.#sessions.change(this.#version, this.#version.state);
      this.#isLost ||= next === undefined;
      this.#version = next ?? this.#version;
      this.#written = now;
    } else if (!(await this.#sessions.isCurrent(this.#version))) this.#isLost = true;
  }
}
