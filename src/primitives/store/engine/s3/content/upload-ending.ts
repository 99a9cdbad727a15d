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

/** All bytes of a session, which have the digest. */
interface EndingBytes {
  readonly bytes: AppendedBytes;
  readonly blob: NewBlob;
  readonly digest: Digest;
  readonly recorded: Promise<unknown>;
}

/** Sessions of this node that failed to end, which are reopened at once. */
const MAX_FAILED = 10_000;
/** For so long (ms) after the last write of a session that ends, no other node has taken it over. */
const SURE_MS = 1500;

/** Turns sessions into blobs. */
export class UploadEnding {
  readonly #parts: EndingParts;
  /** Sessions that this node has marked as ending, and of which it is unknown whether they became a blob. */
  readonly #undecided = new LruCache<UploadId, true>(MAX_FAILED);

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  /** `last`: what the last chunk has added to the session. `recorded`: see `UploadStore.finish`. */
  async end(
    version: SessionVersion,
    last: AppendedBytes | undefined,
    digest: Digest,
    recorded: Promise<unknown> = Promise.resolve(),
  ): Promise<UploadEnd> {
    const { named } = version.state;
    // Two blobs must never consist of the same data.
    if (named !== undefined && named !== digest) return { kind: "cancelled" };
    const bytes = last ?? this.#bytesOf(version);
    try {
      const blob = await bytes.blob();
      const actual = await this.#digestOf(bytes, blob, digest);
      if (actual === digest) return await this.#place(version, { bytes, blob, digest, recorded });
      // The session stays, with what came last.
      const { sessions } = this.#parts;
      const isThere = last ? await last.commit(sessions, version) : await sessions.isCurrent(version);
      return isThere ? { kind: "mismatch", actual } : { kind: "cancelled" };
    } finally {
      if (!last) bytes.release();
    }
  }

  async #place(version: SessionVersion, { bytes, blob, digest, recorded }: EndingBytes): Promise<UploadEnd> {
    const { sessions, blobs, keys } = this.#parts;
    const { id, state } = version;
    const { size } = bytes;
    // A node that hangs from here on makes no blob after other nodes may have deleted the data.
    const signedAt = new Date();
    const ending = await sessions.change(version, {
      ...state,
      phase: { kind: "ending", digest },
      named: digest,
    });
    if (!ending) {
      // The node that this one has taken the session over from has ended it.
      const isMade = state.named === digest && (await blobs.stat(digest)) !== undefined;
      return isMade ? { kind: "stored", size, added: 0 } : { kind: "cancelled" };
    }
    this.#undecided.set(id, true);
    const { isNew, dataKeys } = await blobs.place(digest, blob, signedAt);
    this.#undecided.delete(id);
    const hasData = state.segments.length > 0 || !(blob instanceof Uint8Array);
    // Nobody waits for it: what is left when this fails is removed once it is old.
    void recorded.then(() => this.#tidy(ending, hasData ? dataKeys : undefined)).catch(() => undefined);
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
  async #tidy(ending: SessionVersion, used: readonly string[] | undefined): Promise<void> {
    const { sessions, data } = this.#parts;
    // If it took long, another node may have taken the session over, and writes to it.
    if (sessions.ageOf(ending) > SURE_MS && !(await sessions.isCurrent(ending))) return;
    if (used) await data.removeAllBut(ending.id, used);
    await sessions.remove(ending.id);
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
