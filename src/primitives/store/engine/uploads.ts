import type { Digest, DigestAlgorithm } from "../../digest.ts";
import type { UploadId } from "./upload-id.ts";

/** A session that exists. */
export interface Upload {
  readonly id: UploadId;
  /** See `scopeHash`. */
  readonly scope: string;
  /** What the bytes are hashed with as they arrive. */
  readonly algorithm: DigestAlgorithm;
  /** Bytes received so far. */
  readonly size: number;
}

/** Another request has cancelled the session. */
export interface Cancelled {
  readonly kind: "cancelled";
}

/** Another node writes to the session. */
interface Busy {
  readonly kind: "busy";
}

export type UploadEnd =
  /** `added`: bytes that are new to the blobs. */
  | { readonly kind: "stored"; readonly size: number; readonly added: number }
  | { readonly kind: "mismatch"; readonly actual: Digest }
  | Busy
  | Cancelled;

export type AppendOutcome =
  | { readonly kind: "appended"; readonly size: number }
  | { readonly kind: "interrupted" }
  | Busy
  | Cancelled;

export interface ExpiryOptions {
  /** For sessions that hold nothing. */
  readonly emptyAfterMs?: number;
  /** For sessions of fetches: each is begun again rather than gone on with. */
  readonly fetchAfterMs?: number;
  /** Nothing is done if this or another node has begun the same within so many milliseconds. */
  readonly onceInMs?: number;
  /** Which sessions are looked at. */
  readonly concerns?: (id: UploadId) => boolean;
}

/** Who begins an upload session; `fetch`: the server itself, which fetches a blob from another registry. */
export type SessionOwner = ClientOfSession | "fetch";

export interface ClientOfSession {
  /** `undefined` for whoever comes without a login: strangers do not use up each other's sessions. */
  readonly user: string | undefined;
  /** An address, or the network that stands for it. */
  readonly network: string;
}

/** Which limit a new session would exceed, and how many sessions it allows. */
export interface SessionLimit {
  readonly of: keyof ClientOfSession | "all";
  readonly limit: number;
}

/** Counts the open sessions of each owner, and gives new ones their ids. */
export interface SessionCounter {
  begin(owner: SessionOwner): UploadId | SessionLimit;
  /** To be called once for each session that has ended. */
  end(id: UploadId): void;
  /**
   * Corrects the counts where sessions may end without `end`, as when another node ends them: to be called before the open
   * sessions are listed, and what it returns afterwards with all of them. Returns whether places became free.
   */
  recount(): (open: readonly UploadId[]) => boolean;
  /** Whether a session counts for this owner. */
  isOf(owner: SessionOwner, id: UploadId): boolean;
}

/** Lets one request at a time work on a session, whichever thread it reached. */
export interface UploadLocks {
  /** False if another request holds it. */
  acquire(id: UploadId): boolean | Promise<boolean>;
  /** Once it is over, the next request may acquire. */
  release(id: UploadId): void | Promise<void>;
  /** Whether a request worked on it within so many milliseconds. Only the owner of the locks knows. */
  wasHeldWithin?(ms: number, id: UploadId): boolean;
}

/** Upload sessions, each of one scope (a repository). They outlive the connection, the thread and the process that began them. */
export interface UploadStore {
  /** A new session, unless its owner has too many; those that rest give way first. Throws where there is no room. */
  create(scope: string, algorithm: DigestAlgorithm, owner?: SessionOwner): Promise<UploadId | SessionLimit>;
  /**
   * `undefined` if this scope has no such session. `told`: what the client was told last, see there; where the node knows no
   * other state of the session, a distant storage need not be asked.
   */
  find(id: UploadId, scope: string, told?: string): Promise<Upload | undefined>;
  /** A word for the state of a session, to be told to its client when a request has begun or changed it. */
  told?(id: UploadId): string | undefined;
  /** The file of this machine to which the bytes of a session are written as they arrive, if the storage has one. */
  path?(upload: Upload): string;
  /** The sessions that exist; on a distant storage, as they were not longer than so many milliseconds ago. Default: now. */
  list(maxAgeMs?: number): Promise<readonly Pick<Upload, "id" | "scope" | "size">[]>;
  /** Runs `work` unless another request is working on the same session. */
  exclusively<T>(id: UploadId, work: () => Promise<T>): Promise<T | "busy">;
  /**
   * Appends a body while hashing it. Answers once the bytes are durable; the last ones, which `finish` follows at once,
   * need not be found after a power cut as an upload. When the body breaks off, what arrived is kept, for the client to
   * resume from. The buffers of the body are the store's: each may be freed before the next one is asked for.
   */
  append(upload: Upload, body: AsyncIterable<Uint8Array>, isLast?: boolean): Promise<AppendOutcome>;
  /**
   * Turns a session into a durable blob if its bytes have that digest; otherwise the session stays as it is. `recorded`: resolves
   * when the link of the blob is durable; a storage of many nodes keeps the session until then, so that another node can end it.
   */
  finish(upload: Upload, digest: Digest, recorded?: Promise<unknown>): Promise<UploadEnd>;
  /** Takes back what was appended since the session was found, after a failure to finish it. */
  rewind(upload: Upload): Promise<void>;
  /**
   * Ends a session, also one that another request is working on: that request's `append` ends when its client next sends
   * something, and its `finish` makes no blob. Resolves to false if the session has ended meanwhile.
   */
  cancel(upload: Upload): Promise<boolean>;
  /**
   * Removes sessions that nobody wrote to for `maxAgeMs`, empty ones and those of fetches sooner, and only those that `concerns` is true of, and
   * answers how many.
   */
  expire(maxAgeMs: number, options?: ExpiryOptions): Promise<number>;
}
