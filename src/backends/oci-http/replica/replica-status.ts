import type { ObjectId } from "../../../primitives/store/git/object-id.ts";

/** How a replica stands to its primary. */
export type ReplicaState =
  /** It has not heard of the primary yet. */
  | { readonly kind: "starting" }
  /** Both had the same newest commit when the primary last answered. */
  | { readonly kind: "complete" }
  /** `commits`: those that it lacks, as far as it knows. */
  | { readonly kind: "behind"; readonly commits: number }
  /** The primary does not have the replica's newest commit. Nothing is changed. */
  | { readonly kind: "diverged"; readonly reason: string }
  /** Another node of the storage follows the primary. */
  | { readonly kind: "elsewhere"; readonly by: string | undefined };

export interface ReplicaStatus {
  readonly state: ReplicaState;
  /** The newest commit of the replica. */
  readonly head: ObjectId | undefined;
  /** The newest commit of the primary when it last answered. */
  readonly primaryHead: ObjectId | undefined;
  /** For how long the replica has lacked commits, or the primary did not answer; 0 while it is complete. */
  readonly lagSeconds: number;
  /** Since the primary last answered; `undefined`: it never did. */
  readonly heardSecondsAgo: number | undefined;
  /** Why the last request or change failed; `undefined`: it did not. */
  readonly trouble: string | undefined;
  /** Blobs that manifests of the history named when they were taken over, and the primary did not have. */
  readonly lackingBlobs: number;
  /** Blobs that are asked for again: manifests name them, and the primary did not have them. */
  readonly missingBlobs: number;
  /** Bytes of blobs that were fetched since the start. */
  readonly fetchedBytes: number;
  /** Commits that were taken over since the start. */
  readonly commits: number;
}

/** While the primary waits for news it answers this often at least (ms); then its silence counts as lag. */
const SILENCE_MS = 35_000;

/** What a follower notes as it goes. */
export class ReplicaProgress {
  state: ReplicaState = { kind: "starting" };
  head: ObjectId | undefined;
  primaryHead: ObjectId | undefined;
  trouble: string | undefined;
  lackingBlobs = 0;
  missingBlobs = 0;
  fetchedBytes = 0;
  commits = 0;
  readonly #now: () => number;
  /** When it began to lack commits (ms). */
  #behindSince: number | undefined;
  #heard: number | undefined;
  readonly #began: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#began = now();
  }

  /** The primary has answered, and has this newest commit. */
  heard(primaryHead: ObjectId | undefined): void {
    this.#heard = this.#now();
    this.primaryHead = primaryHead;
  }

  complete(): void {
    this.#behindSince = undefined;
    this.state = { kind: "complete" };
  }

  behind(commits: number): void {
    this.#behindSince ??= this.#now();
    this.state = { kind: "behind", commits };
  }

  diverged(reason: string): void {
    this.#behindSince ??= this.#now();
    this.state = { kind: "diverged", reason };
  }

  get status(): ReplicaStatus {
    const { state, head, primaryHead, trouble, lackingBlobs, missingBlobs, fetchedBytes, commits } = this;
    const now = this.#now();
    const silentMs = now - (this.#heard ?? this.#began);
    const isSilent = trouble !== undefined || silentMs > SILENCE_MS || this.#heard === undefined;
    const lagMs = Math.max(
      this.#behindSince === undefined ? 0 : now - this.#behindSince,
      isSilent && state.kind !== "elsewhere" ? silentMs : 0,
    );
    return {
      ...{ state, head, primaryHead, trouble, lackingBlobs, missingBlobs, fetchedBytes, commits },
      lagSeconds: lagMs / 1000,
      heardSecondsAgo: this.#heard === undefined ? undefined : (now - this.#heard) / 1000,
    };
  }
}
