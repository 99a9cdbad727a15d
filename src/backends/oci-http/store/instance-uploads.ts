import type { Digest, DigestAlgorithm } from "../../../primitives/digest.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import { parseUploadId, type UploadId } from "../../../primitives/store/engine/upload-id.ts";
import type { SessionOwner, Upload, UploadEnd } from "../../../primitives/store/engine/uploads.ts";
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
    return this.#start(repository, algorithm, { user, network: networkOf(remote) });
  }

  /** For what the server itself fetches: what a client has uploaded does not count, and nobody resumes it. */
  startFetch(repository: RepositoryName, algorithm: DigestAlgorithm): Promise<SessionId | TooManySessions> {
    return this.#start(repository, algorithm, "fetch");
  }

  async #start(
    repository: RepositoryName,
    algorithm: DigestAlgorithm,
    owner: SessionOwner,
  ): Promise<SessionId | TooManySessions> {
    const id = await this.#oci.uploads.create(repository, algorithm, owner);
    if (typeof id === "string") return this.#sessionOf(id);
    const { identity, remote } = this.#author();
    const whose = { user: `of '${identity.name}'`, network: `from ${remote}`, all: "in this registry" }[
      id.of
    ];
    const reason = `${id.limit} uploads ${whose} are open; end some of them, or try again later`;
    return { kind: "too-many", reason };
  }

  async size(repository: RepositoryName, session: SessionId): Promise<number | undefined> {
    const named = parseSession(session);
    return named && (await this.#oci.uploads.find(named.id, repository))?.size;
  }

  /** See `UploadStore.path`. */
  async path(repository: RepositoryName, session: SessionId): Promise<string | undefined> {
    const named = parseSession(session);
    const upload = named && (await this.#oci.uploads.find(named.id, repository));
    return upload && this.#oci.uploads.path?.(upload);
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
    const recorded = Promise.withResolvers<void>();
    recorded.promise.catch(() => undefined);
    const result = await this.#withUpload(
      repository,
      session,
      async (upload): Promise<FinishUploadResult> => {
        const appended = await this.#append(repository, upload, chunk, digest);
        if (appended.kind !== "appended") return appended;
        let added: number;
        try {
          const finished = await this.#finish(
            repository,
            { ...upload, size: appended.size },
            digest,
            recorded.promise,
          );
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
        linked.then(recorded.resolve, recorded.reject);
        return { kind: "stored" };
      },
    );
    await linked;
    return result;
  }

  async #finish(
    repository: RepositoryName,
    upload: Upload,
    digest: Digest,
    recorded: Promise<void>,
  ): Promise<UploadEnd | OverQuota> {
    this.#oci.recency.touch(digest);
    const { id: session, size } = upload;
    const reason = await overQuota(this.#oci, this.#policy, repository, {
      kind: "blob",
      digest,
      size,
      session,
    });
    if (reason !== undefined) return this.#giveUp(upload, reason);
    return this.#oci.uploads.finish(upload, digest, recorded);
  }

  async cancel(repository: RepositoryName, session: SessionId): Promise<boolean> {
    const id = parseSession(session)?.id;
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
    if (result.kind !== "appended") return result;
    if (range && result.size !== range.end) return { kind: "short" };
    return { ...result, session: this.#sessionOf(session) };
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
    const named = parseSession(session);
    if (!named) return { kind: "unknown" };
    const { id, told } = named;
    const result = await this.#oci.uploads.exclusively(id, async () => {
      const upload = await this.#oci.uploads.find(id, repository, told);
      return upload ? work(upload) : ({ kind: "unknown" } as const);
    });
    return result === "busy" ? { kind: "busy" } : result;
  }

  #sessionOf(id: UploadId): SessionId {
    const told = this.#oci.uploads.told?.(id);
    return (told === undefined ? id : `${id}.${told}`) as string as SessionId;
  }
}

/** The id, and what the client was told of the session's state. A client may name the session by its id alone. */
function parseSession(
  session: SessionId,
): { readonly id: UploadId; readonly told: string | undefined } | undefined {
  const [text = "", told] = session.split(".", 2);
  const id = parseUploadId(text);
  return id && { id, told };
}
