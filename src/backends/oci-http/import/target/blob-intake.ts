import { type Digest, digestAlgorithm } from "../../../../primitives/digest.ts";
import { scopeHash, type UploadId } from "../../../../primitives/store/engine/upload-id.ts";
import type { Upload } from "../../../../primitives/store/engine/uploads.ts";
import type { OciStore } from "../../store/oci-store.ts";
import type { BlobImport, BlobOutcome } from "./import-target.ts";

/** No repository has such a name, so no client can use the session. */
const scopeOf = (digest: Digest) => `import:${digest}`;
/** For the limits on open sessions; see `SessionOwner`. */
const OWNER = { user: undefined, network: "import" };

/** Called with the session of a blob whose bytes are all there; says why it must not be kept, if so. */
type Admit = (upload: Upload) => Promise<string | undefined>;

/** Takes in blobs by upload sessions that are found again by the digest, also after the process was killed. */
export class BlobIntake {
  readonly #oci: OciStore;
  /** Sessions of this and earlier runs, by the hash of their scope. */
  #sessions: Promise<Map<string, UploadId>> | undefined;

  readonly #writing = new Set<Digest>();

  constructor(oci: OciStore) {
    this.#oci = oci;
  }

  /** How many bytes of a blob have arrived. */
  async received(digest: Digest): Promise<number> {
    return (await this.#find(digest))?.size ?? 0;
  }

  isWriting(digest: Digest): boolean {
    return this.#writing.has(digest);
  }

  async put(blob: BlobImport, body: AsyncIterable<Uint8Array>, admit: Admit): Promise<BlobOutcome> {
    const { digest } = blob;
    if (this.#writing.has(digest)) return { kind: "busy" };
    this.#writing.add(digest);
    try {
      return await this.#put(blob, body, admit);
    } finally {
      this.#writing.delete(digest);
    }
  }

  async #put(
    { digest, from, size, repository }: BlobImport,
    body: AsyncIterable<Uint8Array>,
    admit: Admit,
  ): Promise<BlobOutcome> {
    const { uploads } = this.#oci;
    const id = (await this.#find(digest))?.id ?? (await this.#begin(digest));
    if (id === undefined) return { kind: "busy" };
    const outcome = await uploads.exclusively(id, async (): Promise<BlobOutcome> => {
      const upload = await uploads.find(id, scopeOf(digest));
      if (upload?.size !== from) return { kind: "incomplete", received: upload?.size ?? 0 };
      const appended = await uploads.append(upload, limited(body, size - from), true);
      if (appended.kind === "busy") return appended;
      if (appended.kind === "cancelled") return { kind: "incomplete", received: 0 };
      const now =
        appended.kind === "appended" ? { ...upload, size: appended.size } : await this.#find(digest);
      if (now?.size !== size) return { kind: "incomplete", received: now?.size ?? 0 };
      return this.#finish(repository, now, digest, admit);
    });
    if (outcome === "busy") return { kind: "busy" };
    if (outcome.kind === "stored" || outcome.kind === "mismatch" || outcome.kind === "refused")
      (await this.#all()).delete(scopeHash(scopeOf(digest)));
    return outcome;
  }

  async #finish(
    repository: BlobImport["repository"],
    upload: Upload,
    digest: Digest,
    admit: Admit,
  ): Promise<BlobOutcome> {
    const { uploads, changes, checks, recency } = this.#oci;
    recency.touch(digest);
    const reason = await admit(upload);
    if (reason !== undefined) {
      await uploads.cancel(upload);
      return { kind: "refused", reason };
    }
    const linked = Promise.withResolvers<void>();
    linked.promise.catch(() => undefined);
    const end = await uploads.finish(upload, digest, linked.promise);
    if (end.kind === "busy") return end;
    if (end.kind !== "stored") {
      await uploads.cancel(upload);
      return end.kind === "mismatch" ? { kind: "mismatch" } : { kind: "incomplete", received: 0 };
    }
    checks.note(digest);
    const linking = changes.linkBlob(repository, digest, end.added);
    linking.then(linked.resolve, linked.reject);
    await linking;
    return { kind: "stored" };
  }

  async #begin(digest: Digest): Promise<UploadId | undefined> {
    const id = await this.#oci.uploads.create(scopeOf(digest), digestAlgorithm(digest), OWNER);
    if (typeof id !== "string") return undefined;
    (await this.#all()).set(scopeHash(scopeOf(digest)), id);
    return id;
  }

  async #find(digest: Digest): Promise<Upload | undefined> {
    const sessions = await this.#all();
    const id = sessions.get(scopeHash(scopeOf(digest)));
    const upload = id && (await this.#oci.uploads.find(id, scopeOf(digest)));
    if (id && !upload) sessions.delete(scopeHash(scopeOf(digest)));
    return upload;
  }

  #all(): Promise<Map<string, UploadId>> {
    this.#sessions ??= this.#oci.uploads
      .list()
      .then((sessions) => new Map(sessions.map(({ id, scope }) => [scope, id])));
    return this.#sessions;
  }
}

/** Throws once there are more bytes than expected: a source that never ends must not fill the disk. */
async function* limited(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of body) {
    if (chunk.length > left) throw new Error("the body is longer than the blob");
    left -= chunk.length;
    yield chunk;
  }
}
