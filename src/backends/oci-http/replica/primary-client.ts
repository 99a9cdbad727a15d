import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { HistoryPage } from "../feed/history-page.ts";

export interface HistoryRequest {
  /** See `FeedRequest`. */
  readonly haves: readonly ObjectId[];
  readonly skip: number;
  readonly waitSeconds: number;
}

export type PrimaryAnswer =
  | { readonly kind: "page"; readonly page: HistoryPage }
  /** There is nothing newer than what the replica has. */
  | { readonly kind: "current"; readonly head: ObjectId | undefined }
  /** The primary has none of the commits. */
  | { readonly kind: "diverged"; readonly head: ObjectId | undefined };

/** Bytes of a blob from an offset to its end; throws `PrimaryError` if they break off. */
export interface PrimaryBlob {
  readonly body: AsyncIterable<Uint8Array>;
  /** Of these bytes. */
  readonly size: number;
  /** Ends the transfer before its first byte is read. */
  discard(): void;
}

/** Asks the primary of a replica. Each method rejects with `PrimaryError`, or if `signal` is aborted. */
export interface PrimaryClient {
  /** For messages, without credentials. */
  readonly url: string;
  history(request: HistoryRequest, signal: AbortSignal): Promise<PrimaryAnswer>;
  /** `undefined`: the primary does not have it. */
  blob(digest: Digest, from: number, signal: AbortSignal): Promise<PrimaryBlob | undefined>;
  close(): void;
}
