import { type Digest, digestAlgorithm } from "../../../primitives/digest.ts";
import type { UpstreamBlob } from "../../../registry/client/registry-client.ts";
import {
  type UpstreamAnswer,
  UpstreamBodyError,
  type UpstreamFailure,
} from "../../../registry/client/upstream-answer.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { FinishUploadResult, SessionId } from "../../../registry/model/storage.ts";
import type { InstanceUploads } from "../store/instance-uploads.ts";
import { FetchProgress } from "./fetch-progress.ts";
import { fetchRoom, type ReservedRoom } from "./fetch-room.ts";
import type { GrowingBlob, MirrorFailure } from "./mirror-calls.ts";
import type { UpstreamRepository } from "./mirrored-registry.ts";
import { withSecondTry } from "./second-try.ts";
import { SpoolFile } from "./spool.ts";

/** How often in a row upstream may break off after fewer bytes than these. */
const MAX_BREAKS = 5;
const MIN_PROGRESS_BYTES = 64 * 1024;
const PAUSE_MS = 100;
/** Readers of the first bytes wait no longer for the rest. */
const MAX_PAUSE_MS = 30_000;
/** Most bytes of a blob whose size neither upstream nor a manifest states. */
const MAX_UNSTATED_BYTES = 16 * 1024 ** 3;
const BUSY_SECONDS = 5;

export interface FetchedBlob {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** As a manifest states it, in bytes. */
  readonly size: number | undefined;
  readonly from: UpstreamRepository;
}

export interface FetchStorage {
  readonly uploads: InstanceUploads;
  /** The directory of this machine for files that are kept for a while. */
  readonly directory: string;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Called once clients can read the bytes as they arrive. */
  readonly begun: (growing: GrowingBlob) => void;
  /** Called for each piece, with its bytes. */
  readonly received: (bytes: number) => void;
  /** Upstream has broken off, and is asked for the rest. */
  readonly brokeOff: (failure: UpstreamFailure) => void;
}

/** The digest or size of what upstream has sent is wrong. */
function unsound(reason: string): UpstreamFailure {
  return { kind: "invalid", reason };
}

/**
 * Fetches one blob into the store. What breaks off is asked for again from there on. Nothing is kept unless all bytes came and
 * have the digest; what arrived is then a blob of the repository.
 */
export class BlobFetch {
  readonly #blob: FetchedBlob;
  readonly #storage: FetchStorage;
  readonly #options: FetchOptions;
  readonly #progress = new FetchProgress();
  #breaks = 0;

  constructor(blob: FetchedBlob, storage: FetchStorage, options: FetchOptions) {
    this.#blob = blob;
    this.#storage = storage;
    this.#options = options;
  }

  /** Resolves with why it failed; `undefined` if the store has the blob. */
  async run(): Promise<MirrorFailure | UpstreamFailure | undefined> {
    let isWhole = false;
    try {
      const failure = await this.#run();
      isWhole = failure === undefined;
      return failure;
    } finally {
      this.#progress.end(isWhole ? "whole" : "failed");
    }
  }

  async #run(): Promise<MirrorFailure | UpstreamFailure | undefined> {
    const { repository, digest, size: stated } = this.#blob;
    const { uploads, directory } = this.#storage;
    const answer = await withSecondTry(
      () => this.#open(0, stated),
      (ms) => pause(ms, this.#options.signal),
    );
    if (answer.kind !== "found") return answer;
    const size = answer.size ?? stated;
    const session = await uploads.startFetch(repository, digestAlgorithm(digest));
    if (typeof session !== "string")
      return { kind: "limited", reason: session.reason, retryAfterSeconds: BUSY_SECONDS };
    let [room, spool]: [ReservedRoom?, SpoolFile?] = [];
    try {
      const own = await uploads.path(repository, session);
      const { signal } = this.#options;
      if (size !== undefined)
        room = await fetchRoom.reserve({ directory, bytes: size, isSpooled: own === undefined, signal });
      spool = own === undefined ? await SpoolFile.create(directory) : undefined;
      const path = own ?? spool?.path;
      const begun = () => {
        if (size !== undefined && path !== undefined)
          this.#options.begun({ kind: "growing", path, size, progress: this.#progress.memory });
      };
      const failure = await this.#receive(session, answer, { size, spool, room, begun });
      if (failure) await uploads.cancel(repository, session);
      return failure;
    } catch (error) {
      await uploads.cancel(repository, session).catch(() => undefined);
      throw error;
    } finally {
      await spool?.remove();
      room?.release();
    }
  }

  #open(from: number, size: number | undefined): Promise<UpstreamAnswer<UpstreamBlob>> {
    const { digest, from: source } = this.#blob;
    const { signal } = this.#options;
    return source.upstream.openBlob(source.name, digest, { from, size, signal });
  }

  async #receive(
    session: SessionId,
    first: UpstreamBlob,
    kept: Kept,
  ): Promise<MirrorFailure | UpstreamFailure | undefined> {
    const { repository, digest } = this.#blob;
    const { uploads } = this.#storage;
    const { size } = kept;
    let body = first.body;
    for (let from = 0; ; ) {
      const read: BodyEnd = {};
      const chunk = {
        body: this.#watched(body, { ...kept, from, read }),
        range: undefined,
        length: size === undefined ? undefined : size - from,
      };
      const result = await uploads.finish(repository, session, chunk, digest);
      if (read.error === undefined) return this.#failureOf(result);
      const failure = failureIn(read.error);
      if (!isBreak(failure)) return failure;
      const reached = (await uploads.size(repository, session)) ?? 0;
      if (reached - from >= MIN_PROGRESS_BYTES) this.#breaks = 0;
      const again = await this.#again(reached, size, failure);
      if (again.kind !== "found") return again;
      ({ body } = again);
      from = reached;
    }
  }

  /** Asks upstream for the rest, until it gives some or has failed too often. */
  async #again(
    from: number,
    size: number | undefined,
    broken: UpstreamFailure,
  ): Promise<UpstreamAnswer<UpstreamBlob>> {
    for (let failure = broken; ; ) {
      if (++this.#breaks > MAX_BREAKS) return failure;
      this.#options.brokeOff(failure);
      const asked = failure.kind === "limited" ? (failure.retryAfterMs ?? 0) : 0;
      if (asked > MAX_PAUSE_MS) return failure;
      await pause(Math.max(PAUSE_MS * 2 ** this.#breaks, asked), this.#options.signal);
      const answer = await this.#open(from, size);
      if (answer.kind === "found" || !isBreak(answer)) return answer;
      failure = answer;
    }
  }

  /** The bytes as the store gets them. The store ends quietly where a body breaks off: `read` tells why. */
  async *#watched(
    body: AsyncIterable<Uint8Array>,
    {
      from,
      size = MAX_UNSTATED_BYTES,
      spool,
      room,
      begun,
      read,
    }: Kept & { readonly from: number; readonly read: BodyEnd },
  ): AsyncGenerator<Uint8Array> {
    let arrived = from;
    // The store reads it only once the quota has room for it: until then nobody is told that bytes come.
    begun();
    try {
      for await (const chunk of body) {
        const { length } = chunk;
        if (arrived + length > size)
          throw new UpstreamBodyError({
            kind: "invalid",
            reason: `${this.#blob.from.upstream.url} sends more than ${size} bytes of ${this.#blob.digest}`,
          });
        await spool?.write(chunk, arrived);
        arrived += length;
        yield chunk;
        room?.arrived(arrived);
        this.#progress.note(arrived);
        this.#options.received(length);
      }
      this.#progress.wake(arrived);
    } catch (error) {
      read.error = error;
      throw error;
    }
  }

  #failureOf(result: FinishUploadResult): MirrorFailure | UpstreamFailure | undefined {
    const { digest, from } = this.#blob;
    switch (result.kind) {
      case "stored":
        return undefined;
      case "mismatch":
        return unsound(`${from.upstream.url} sent ${result.actual} for the blob ${digest} of ${from.name}`);
      case "over-quota":
        return { kind: "refused", reason: result.reason };
      default:
        return { kind: "unavailable", reason: `the fetch of ${digest} was ended: ${result.kind}` };
    }
  }
}

/** How the bytes of a fetch are kept, and shown to clients while they come. */
interface Kept {
  /** Of the whole blob, if it is known. */
  readonly size: number | undefined;
  readonly spool: SpoolFile | undefined;
  readonly room: ReservedRoom | undefined;
  /** Called when the first bytes may come, and again after each break. */
  readonly begun: () => void;
}

/** Why the reading of a body ended before its end. */
interface BodyEnd {
  error?: unknown;
}

/** Failures that are worth another request for the rest. */
function isBreak(failure: UpstreamFailure): boolean {
  return failure.kind === "unavailable" || failure.kind === "limited";
}

function failureIn(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamBodyError) return error.failure;
  throw error;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await Bun.sleep(ms);
  signal.throwIfAborted();
}
