import type { Digest, DigestAlgorithm } from "../../../primitives/digest.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import { parseUploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { Upload, UploadEnd } from "../../../primitives/store/engine/uploads.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type {
  AppendUploadResult,
  Chunk,
  FinishUploadResult,
  OverQuota,
  SessionId,
  TooManySessions,
} from "../../../registry/model/storage.ts";
import { AdmittedBody } from "./admitted-body.ts";
import { overQuota, type Policy, quotasOf } from "./instance-policy.ts";
import type { Author } from "./store-changes.ts";
import type { StoreView } from "./store-view.ts";

/** The upload sessions of an instance, on behalf of one user; see `RegistryStorage`. */
export class InstanceUploads {
  readonly #oci: StoreView;
  readonly #author: () => Author;
  readonly #policy: Policy;

  constructor(oci: StoreView, author: () => Author, policy: Policy) {
    this.#oci = oci;
    this.#author = author;
    this.#policy = policy;
  }

  async start(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions> {
    const { identity, remote } = this.#author();
    const user = identity.name === ANONYMOUS ? undefined : identity.name;
    const id = await this.#oci.uploads.create(repository, algorithm, { user, network: networkOf(remote) });
    if (typeof id === "string") return id as string as SessionId;
    const whose = { user: `of '${identity.name}'`, network: `from ${remote}`, all: "in this registry" }[
      id.of
    ];
    const reason = `${id.limit} uploads ${whose} are open; end some of them, or try again later`;
    return { kind: "too-many", reason };
  }

  async size(repository: RepositoryName, session: SessionId): Promise<number | undefined> {
    const id = parseUploadId(session);
    return id && (await this.#oci.uploads.find(id, repository))?.size;
  }

  append(repository: RepositoryName, session: SessionId, chunk: Chunk): Promise<AppendUploadResult> {
    return this.#withUpload(repository, session, (upload) => this.#append(repository, upload, chunk));
  }

  async finish(
    repository: RepositoryName,
    session: SessionId,
    chunk: Chunk,
    digest: Digest,
  ): Promise<FinishUploadResult> {
    let linked: Promise<void> | undefined;
    const result = await this.#withUpload(
      repository,
      session,
      async (upload): Promise<FinishUploadResult> => {
        const appended = await this.#append(repository, upload, chunk, digest);
        if (appended.kind !== "appended") return appended;
        let added: number;
        try {
          const finished = await this.#finish(repository, { ...upload, size: appended.size }, digest);
          if (finished.kind !== "stored") return finished;
          added = finished.added;
          this.#oci.checks.note(digest);
        } catch (error) {
          // Truncated to the acknowledged size, so that the client can send its last chunk again.
          await this.#oci.uploads.rewind(upload);
          throw error;
        }
        // Awaited below, so that the session is removed at the same time.
        linked = this.#oci.changes.linkBlob(repository, digest, added);
        linked.catch(() => undefined);
        return { kind: "stored" };
      },
    );
    await linked;
    return result;
  }

  async #finish(repository: RepositoryName, upload: Upload, digest: Digest): Promise<UploadEnd | OverQuota> {
    this.#oci.recency.touch(digest);
    const { id: session, size } = upload;
    const reason = await overQuota(this.#oci, this.#policy, repository, {
      kind: "blob",
      digest,
      size,
      session,
    });
    if (reason !== undefined) return this.#giveUp(upload, reason);
    return this.#oci.uploads.finish(upload, digest);
  }

  async cancel(repository: RepositoryName, session: SessionId): Promise<boolean> {
    const id = parseUploadId(session);
    // Not exclusively, so that it also ends what another request is writing.
    const upload = id && (await this.#oci.uploads.find(id, repository));
    return upload ? this.#oci.uploads.cancel(upload) : false;
  }

  /** `digest` is given with the last chunk. */
  async #append(
    repository: RepositoryName,
    upload: Upload,
    { body, range, length }: Chunk,
    digest?: Digest,
  ): Promise<AppendUploadResult> {
    const { id: session, size: start } = upload;
    if (range && range.start !== start) return { kind: "out-of-order", size: start };
    const admit = (size: number) =>
      overQuota(this.#oci, this.#policy, repository, { kind: "upload", session, size, digest });
    const admitted =
      quotasOf(this.#oci, this.#policy) && (await AdmittedBody.open(body, { start, length, admit }));
    if (typeof admitted === "string") return this.#giveUp(upload, admitted);
    const result = await this.#oci.uploads.append(upload, admitted ?? body, digest !== undefined);
    if (admitted?.refusal !== undefined) return this.#giveUp(upload, admitted.refusal);
    return result.kind === "appended" && range && result.size !== range.end ? { kind: "short" } : result;
  }

  /** Removes an upload that the quota refuses: the client could not finish it. */
  async #giveUp(upload: Upload, reason: string): Promise<OverQuota> {
    await this.#oci.uploads.cancel(upload);
    return { kind: "over-quota", reason };
  }

  async #withUpload<T>(
    repository: RepositoryName,
    session: SessionId,
    work: (upload: Upload) => Promise<T>,
  ): Promise<T | { readonly kind: "busy" | "unknown" }> {
    const id = parseUploadId(session);
    if (!id) return { kind: "unknown" };
    const result = await this.#oci.uploads.exclusively(id, async () => {
      const upload = await this.#oci.uploads.find(id, repository);
      return upload ? work(upload) : ({ kind: "unknown" } as const);
    });
    return result === "busy" ? { kind: "busy" } : result;
  }
}
