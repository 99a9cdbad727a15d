import type { Digest } from "../../../../digest.ts";
import { ExpectedError } from "../../../../expected-error.ts";
import type { Segment } from "./blob-object.ts";
import type { NewBlob } from "./blob-placing.ts";
import { PART_BYTES } from "./part-memory.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { MAX_TAIL_BYTES, type SessionState } from "./session-state.ts";
import type { SessionVersion, UploadSessions } from "./upload-sessions.ts";

const EMPTY = new Uint8Array();
/** Segments of a session; a client reaches this only with chunks that are very small for such a large blob. */
const MAX_SEGMENTS = 10_000;

/** The last segments that are too small to stay by themselves: together below the size of a part. */
export function splitSegments(
  segments: readonly Segment[],
  tailBytes: number,
): { kept: Segment[]; before: Segment[] } {
  let from = segments.length;
  for (let size = tailBytes; from > 0; from--) {
    size += segments[from - 1]?.size ?? 0;
    if (size >= PART_BYTES) break;
  }
  return { kept: segments.slice(0, from), before: segments.slice(from) };
}

/** What a request has added to a session: in memory, on its way or written, but not yet part of the session's state. */
export class AppendedBytes {
  readonly #state: SessionState;
  readonly #kept: readonly Segment[];
  readonly #writer: SegmentWriter;
  readonly #digest: Digest | undefined;
  #completed: Promise<readonly Segment[]> | undefined;

  /** `digest`: of all bytes of the session, if it is known. */
  constructor(
    state: SessionState,
    kept: readonly Segment[],
    writer: SegmentWriter,
    digest: Digest | undefined,
  ) {
    this.#state = state;
    this.#kept = kept;
    this.#writer = writer;
    this.#digest = digest;
  }

  /** Of the whole session, in bytes. */
  get size(): number {
    return this.#kept.reduce((sum, segment) => sum + segment.size, this.#writer.size);
  }

  get digest(): Digest | undefined {
    return this.#digest;
  }

  /**
   * Writes the state with these bytes, which makes them durable; `undefined` if the session is no longer of that version. If it
   * rejects, that may have been done: what the session may name is not deleted before the session ends.
   */
  async commit(sessions: UploadSessions, version: SessionVersion): Promise<SessionVersion | undefined> {
    const state = await this.#durableState();
    this.#writer.isNamed = true;
    const next = await sessions.change(version, state);
    this.#writer.isNamed = next !== undefined;
    return next;
  }

  async #durableState(): Promise<SessionState> {
    const common = { ...this.#state, digest: this.#digest };
    const { segments } = this.#state;
    if (this.#writer.hasParts) return { ...common, segments: await this.#allSegments(), tail: EMPTY };
    const added = this.#writer.newBytes();
    if (added.length <= MAX_TAIL_BYTES) return { ...common, tail: added.slice() };
    if (segments.length >= MAX_SEGMENTS)
      throw new ExpectedError("the upload has too many chunks; send larger ones", { kind: "invalid" });
    return { ...common, segments: [...segments, ...(await this.#complete())], tail: EMPTY };
  }

  /** All bytes of the session as a blob: in memory if they are few. */
  async blob(): Promise<NewBlob> {
    const isInMemory = !this.#writer.hasParts && this.#kept.length === 0;
    const isOneObject = this.#state.segments.length === 1 && this.#writer.newBytes().length === 0;
    return isInMemory && !isOneObject ? this.#writer.bytes() : this.#allSegments();
  }

  abandon(): Promise<void> {
    return this.#writer.abandon();
  }

  /** Gives the memory of the bytes back; to be called in the end. */
  release(): void {
    this.#writer.release();
  }

  async #allSegments(): Promise<readonly Segment[]> {
    if (this.#writer.hasParts) return [...this.#kept, ...(await this.#complete())];
    const { segments } = this.#state;
    return this.#writer.newBytes().length === 0 ? segments : [...segments, ...(await this.#complete())];
  }

  #complete(): Promise<readonly Segment[]> {
    this.#completed ??= this.#writer.complete();
    return this.#completed;
  }
}
