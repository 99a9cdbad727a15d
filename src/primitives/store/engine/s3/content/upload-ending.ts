import { LruCache } from "../../../../bounds/lru-cache.ts";
import { type Digest, digestAlgorithm, digestOf, finishDigest } from "../../../../digest.ts";
import type { UploadId } from "../../upload-id.ts";
import type { UploadEnd } from "../../uploads.ts";
import { AppendedBytes, splitSegments } from "./appended-bytes.ts";
import type { NewBlob } from "./blob-placing.ts";
import { dataPrefix, newDataName } from "./content-keys.ts";
import type { S3Blobs } from "./s3-blobs.ts";
import { segmentStream, slicesOf } from "./segment-stream.ts";
import { SegmentWriter, type SegmentWriterOptions } from "./segment-writer.ts";
import type { UploadData } from "./upload-data.ts";
import type { SessionVersion, UploadSessions } from "./upload-sessions.ts";

interface EndingParts extends SegmentWriterOptions {
  readonly sessions: UploadSessions;
  readonly data: UploadData;
  readonly blobs: S3Blobs;
}

/** Sessions of this node that failed to end, which are reopened at once. */
const MAX_FAILED = 10_000;

/** Turns sessions into blobs. */
export class UploadEnding {
  readonly #parts: EndingParts;
  /** Sessions that this node has marked as ending, and of which it is unknown whether they became a blob. */
  readonly #undecided = new LruCache<UploadId, true>(MAX_FAILED);

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  /** `last`: what the last chunk has added to the session. */
  async end(version: SessionVersion, last: AppendedBytes | undefined, digest: Digest): Promise<UploadEnd> {
    const { named } = version.state;
    // Two blobs must never consist of the same data.
    if (named !== undefined && named !== digest) return { kind: "cancelled" };
    if (last) return this.#end(version, last, last, digest);
    const bytes = this.#bytesOf(version);
    try {
      return await this.#end(version, undefined, bytes, digest);
    } finally {
      bytes.release();
    }
  }

  /** `bytes`: all that the session holds, with `last`. */
  async #end(
    version: SessionVersion,
    last: AppendedBytes | undefined,
    bytes: AppendedBytes,
    digest: Digest,
  ): Promise<UploadEnd> {
    const { sessions, blobs, keys } = this.#parts;
    const { id, state } = version;
    const blob = await bytes.blob();
    const actual = await this.#digestOf(bytes, blob, digest);
    if (actual !== digest) {
      // The session stays, with what came last.
      const isThere = last ? await last.commit(sessions, version) : await sessions.isCurrent(version);
      return isThere ? { kind: "mismatch", actual } : { kind: "cancelled" };
    }
    const phase = { kind: "ending", digest } as const;
    const ending = await sessions.change(version, { ...state, phase, named: digest });
    if (!ending) return { kind: "cancelled" };
    this.#undecided.set(id, true);
    const { isNew, dataKeys } = await blobs.place(digest, blob);
    this.#undecided.delete(id);
    const hasData = state.segments.length > 0 || !(blob instanceof Uint8Array);
    // Nobody waits for it: the session has ended already, and what is left when this fails is removed once it is old.
    void this.#tidy(id, hasData ? dataKeys : undefined).catch(() => undefined);
    const { size } = bytes;
    // An earlier attempt to end the session, thought to have failed, may have made the blob.
    const isOurs = isNew || dataKeys.some((key) => key.startsWith(keys.data(dataPrefix(id))));
    return { kind: "stored", size, added: isOurs ? size : 0 };
  }

  /** Whether a blob may name the segments of a session that failed to end. */
  isUndecided(id: UploadId): boolean {
    return this.#undecided.get(id) === true;
  }

  /** Lets requests work again on a session that failed to end. */
  async reopen(id: UploadId): Promise<void> {
    if (!this.isUndecided(id)) return;
    this.#undecided.delete(id);
    const version = await this.#parts.sessions.read(id);
    if (version?.state.phase.kind === "ending")
      await this.#parts.sessions.change(version, { ...version.state, phase: { kind: "open" } });
  }

  /** `used`: the data objects that stay; `undefined` if there are none at all. */
  async #tidy(id: UploadId, used: readonly string[] | undefined): Promise<void> {
    if (used) await this.#parts.data.removeAllBut(id, used);
    await this.#parts.sessions.remove(id);
  }

  /** What a session holds, with nothing added. */
  #bytesOf({ id, state }: SessionVersion): AppendedBytes {
    const { kept, before } = splitSegments(state.segments, state.tail.length);
    const origin = { name: newDataName(id), before, tail: state.tail };
    const writer = new SegmentWriter(this.#parts, origin);
    return new AppendedBytes(state, kept, writer, state.digest);
  }

  /** With the algorithm of `expected`. The bytes are read again only if the nodes that received them did not hash them so. */
  async #digestOf(bytes: AppendedBytes, blob: NewBlob, expected: Digest): Promise<Digest> {
    const algorithm = digestAlgorithm(expected);
    if (bytes.digest !== undefined && digestAlgorithm(bytes.digest) === algorithm) return bytes.digest;
    if (blob instanceof Uint8Array) return digestOf(blob, algorithm);
    const { bucket, keys } = this.#parts;
    const hasher = new Bun.CryptoHasher(algorithm);
    const slices = slicesOf(blob.map(({ name, size }) => ({ key: keys.data(name), size })));
    for await (const chunk of segmentStream(bucket, slices)) hasher.update(chunk);
    return finishDigest(algorithm, hasher);
  }
}
