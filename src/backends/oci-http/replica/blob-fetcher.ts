import { type Digest, digestAlgorithm } from "../../../primitives/digest.ts";
import { scopeHash, type UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { Upload } from "../../../primitives/store/engine/uploads.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { PrimaryBlob, PrimaryClient } from "./primary-client.ts";
import { PrimaryError } from "./primary-error.ts";

/** How often in a row a transfer may bring nothing, or wrong bytes. */
const MAX_VAIN = 3;
/** Blobs that are fetched at the same time. */
const AT_ONCE = 8;

export type FetchedBlob = "there" | "fetched" | "lacking";

type Target = Pick<OciStore, "blobs" | "uploads" | "recency" | "checks" | "sizes" | "room">;

/** Brings the blobs of a primary. A transfer that was cut off goes on where it was, also after a restart. */
export class BlobFetcher {
  readonly #oci: Target;
  readonly #primary: Pick<PrimaryClient, "blob" | "url">;
  /** Sessions of transfers that are not finished, by the scope as the store has it. */
  #begun: Map<string, UploadId> | undefined;
  readonly #running = new Map<Digest, Promise<FetchedBlob>>();
  /** Bytes that were brought. */
  bytes = 0;

  constructor(oci: Target, primary: Pick<PrimaryClient, "blob" | "url">) {
    this.#oci = oci;
    this.#primary = primary;
  }

  /** Brings those that are not there; resolves with those that the primary does not have, or has damaged. */
  async fetchAll(digests: Iterable<Digest>, signal: AbortSignal): Promise<readonly Digest[]> {
    const lacking: Digest[] = [];
    const open = new Set(digests).values();
    const work = async () => {
      for (const digest of open) {
        signal.throwIfAborted();
        if ((await this.fetch(digest, signal)) === "lacking") lacking.push(digest);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
    const failure = ends.find((end) => end.status === "rejected");
    if (failure) throw failure.reason;
    return lacking;
  }

  /** Who asks for a blob that is being fetched shares that fetch. Rejects with `PrimaryError`. */
  fetch(digest: Digest, signal: AbortSignal): Promise<FetchedBlob> {
    const shared = this.#running.get(digest);
    if (shared !== undefined) return shared;
    const running = this.#bring(digest, signal).finally(() => this.#running.delete(digest));
    this.#running.set(digest, running);
    return running;
  }

  async #bring(digest: Digest, signal: AbortSignal): Promise<FetchedBlob> {
    if (await this.isThere(digest)) return "there";
    for (let vain = 0; vain < MAX_VAIN; vain++) {
      const outcome = await this.#fetch(digest, signal);
      if (outcome !== "mismatch") return outcome;
    }
    return "lacking";
  }

  /** Whether the store has the blob; if so, collectors leave it for a while. */
  async isThere(digest: Digest): Promise<boolean> {
    const { blobs, recency } = this.#oci;
    recency.touch(digest);
    await blobs.touch?.(digest);
    return (await blobs.stat(digest)) !== undefined;
  }

  async #fetch(digest: Digest, signal: AbortSignal): Promise<FetchedBlob | "mismatch"> {
    const { uploads, room, sizes, checks } = this.#oci;
    room.admitContent();
    const scope = `_replica/${digest}`;
    const id = await this.#session(scope, digest);
    const outcome = await uploads.exclusively(id, async () => {
      const upload = await this.#fill(id, scope, digest, signal);
      if (!upload) {
        await this.#forget(id, scope);
        return "lacking";
      }
      const end = await uploads.finish(upload, digest);
      if (end.kind === "mismatch") {
        await this.#forget(id, scope);
        return "mismatch";
      }
      if (end.kind !== "stored")
        throw new PrimaryError(`the transfer of ${digest} was ended by another process`);
      this.#begun?.delete(scopeHash(scope));
      if (end.added > 0) sizes.added(digest, end.added);
      checks.note(digest);
      return "fetched";
    });
    if (outcome === "busy") throw new PrimaryError(`another process transfers ${digest}`);
    return outcome;
  }

  /** Appends what is missing; `undefined` if the primary does not have the blob. */
  async #fill(id: UploadId, scope: string, digest: Digest, signal: AbortSignal): Promise<Upload | undefined> {
    const { uploads, room } = this.#oci;
    for (let vain = 0, failure: unknown; ; ) {
      const upload = await uploads.find(id, scope);
      if (!upload || vain >= MAX_VAIN)
        throw failure ?? new PrimaryError(`${this.#primary.url} does not send the blob ${digest}`);
      const blob = await this.#primary.blob(digest, upload.size, signal);
      if (!blob) return undefined;
      admit(room, blob);
      let received = 0;
      const counted = async function* () {
        try {
          for await (const chunk of blob.body) {
            received += chunk.length;
            yield chunk;
          }
        } catch (error) {
          failure = error;
          throw error;
        }
      };
      const appended = await uploads.append(upload, counted(), true);
      this.bytes += received;
      if (appended.kind === "appended") return { ...upload, size: appended.size };
      signal.throwIfAborted();
      if (appended.kind !== "interrupted")
        throw new PrimaryError(`the transfer of ${digest} was ended by another process`);
      vain = received > 0 ? 0 : vain + 1;
    }
  }

  async #session(scope: string, digest: Digest): Promise<UploadId> {
    const { uploads } = this.#oci;
    this.#begun ??= new Map((await uploads.list()).map((upload) => [upload.scope, upload.id]));
    const known = this.#begun.get(scopeHash(scope));
    if (known && (await uploads.find(known, scope))) return known;
    const id = await uploads.create(scope, digestAlgorithm(digest));
    if (typeof id !== "string") throw new PrimaryError(`too many uploads are open: ${id.limit}`);
    this.#begun.set(scopeHash(scope), id);
    return id;
  }

  async #forget(id: UploadId, scope: string): Promise<void> {
    this.#begun?.delete(scopeHash(scope));
    const upload = await this.#oci.uploads.find(id, scope);
    if (upload) await this.#oci.uploads.cancel(upload);
  }
}

/** Where there is no room for all of it, nothing is begun. */
function admit(room: Target["room"], { size, discard }: PrimaryBlob): void {
  try {
    room.admitContent(size);
  } catch (error) {
    discard();
    throw error;
  }
}
