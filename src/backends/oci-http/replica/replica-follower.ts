import type { Digest } from "../../../primitives/digest.ts";
import { failureOf } from "../../../primitives/errors/failure.ts";
import { ExpectedError } from "../../../primitives/expected-error.ts";
import { orAborted } from "../../../primitives/jobs/or-aborted.ts";
import { LogThrottle } from "../../../primitives/logging/log-throttle.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { BranchMovedError } from "../../../primitives/store/commits/commit-group.ts";
import { parseCommit } from "../../../primitives/store/git/commit.ts";
import { CorruptObjectError, type NamedObject } from "../../../primitives/store/git/object.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { HistoryPage } from "../feed/history-page.ts";
import type { OciStore } from "../store/oci-store.ts";
import { BlobFetcher } from "./blob-fetcher.ts";
import { type Divergence, findDivergence } from "./divergence.ts";
import { MissingBlobs } from "./missing-blobs.ts";
import type { PrimaryClient } from "./primary-client.ts";
import { PrimaryError } from "./primary-error.ts";
import { ReplicaProgress } from "./replica-status.ts";

export interface FollowerOptions {
  /** The registry, for messages. */
  readonly name: string;
  readonly oci: OciStore;
  readonly primary: PrimaryClient;
  readonly log: Logger;
  readonly progress?: ReplicaProgress;
  /** How long the primary is asked to wait for a new commit. */
  readonly waitSeconds?: number;
  /** Pauses after failures in a row (ms); the last one is repeated. */
  readonly pausesMs?: readonly number[];
  /** Pause before a history that has diverged is looked at again (ms). */
  readonly divergedPauseMs?: number;
  /** See `MissingBlobs`. */
  readonly missingPausesMs?: readonly number[];
}

const WAIT_SECONDS = 20;
const PAUSES_MS: readonly number[] = [100, 250, 500, 1000, 2000, 5000];
const DIVERGED_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 60_000;

/**
 * Follows the primary of a replica. Its commits are taken over as they are, each page of them in one move of the branch, once
 * all blobs are there that its manifests name: what a replica shows, it can serve. Blobs that the primary does not have any
 * more are left out.
 */
export class ReplicaFollower {
  readonly progress: ReplicaProgress;
  readonly #options: FollowerOptions;
  readonly #blobs: BlobFetcher;
  readonly #missing: MissingBlobs;
  /** Objects that came of a commit that no page has completed yet. */
  #skip = 0;
  /** Blobs that the primary does not have, of commits that are not taken over yet. */
  readonly #lacking = new Set<Digest>();
  #divergence: Divergence | undefined;
  /** The newest commit of a history of its own that the replica is to give up. */
  #givenUp: ObjectId | undefined;
  #hasBeenComplete = false;
  readonly #log: LogThrottle;
  #wakeUp = Promise.withResolvers<void>();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.progress = options.progress ?? new ReplicaProgress();
    this.#log = new LogThrottle((message) => options.log.warn(message));
    this.#blobs = new BlobFetcher(options.oci, options.primary);
    this.#missing = new MissingBlobs({
      ...{ oci: options.oci, fetcher: this.#blobs, pausesMs: options.missingPausesMs },
      changed: (count) => {
        this.progress.missingBlobs = count;
        this.progress.fetchedBytes = this.#blobs.bytes;
      },
    });
  }

  /** How the histories have diverged; `undefined`: they have not. */
  get divergence(): Divergence | undefined {
    return this.#divergence;
  }

  /** Gives up the commits that the primary does not have: the next page may take the place of this newest commit. */
  giveUp(head: ObjectId): void {
    this.#givenUp = head;
    this.#wakeUp.resolve();
  }

  /** Follows until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#askAgain(signal)]);
  }

  /** Of a primary that does not answer, and a full disk, `#follow` tells. */
  async #askAgain(signal: AbortSignal): Promise<void> {
    const { log, name } = this.#options;
    const failed = (error: unknown) => {
      if (!signal.aborted && !(error instanceof ExpectedError))
        log.error(`the replica '${name}' could not bring a blob`, error);
    };
    await this.#missing.find(signal).catch(failed);
    await this.#missing.run(signal, failed);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { pausesMs = PAUSES_MS, log, name } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#step(signal);
        if (this.progress.trouble !== undefined) log.info(`the replica '${name}' follows again`);
        this.progress.trouble = undefined;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const wanted = this.#failed(error) ?? pausesMs[Math.min(failures, pausesMs.length - 1)] ?? 0;
        failures++;
        await this.#pause(Math.min(wanted, MAX_PAUSE_MS), signal);
      }
    }
  }

  /** Each new reason is told once. Resolves with how long the primary wants to be left alone (ms), if it says so. */
  #failed(error: unknown): number | undefined {
    const { log, name } = this.#options;
    const { kind, words, detail } = failureOf(error);
    const trouble = kind === "bug" || kind === "system" ? words : detail;
    if (trouble !== this.progress.trouble) {
      if (kind === "bug") log.error(`the replica '${name}' can't follow`, error);
      else this.#log.log("trouble", `the replica '${name}' can't follow for now: ${detail}`);
    }
    this.progress.trouble = trouble;
    // The next page is of where the branch is then; and what came before it may be of another commit.
    if (error instanceof BranchMovedError || error instanceof CorruptObjectError) this.#skip = 0;
    return error instanceof PrimaryError ? error.retryAfterMs : undefined;
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { oci, primary, waitSeconds = WAIT_SECONDS } = this.#options;
    const { progress } = this;
    await oci.store.refresh(0);
    const { commitId: head } = oci.store.head();
    progress.head = head;
    if (this.#givenUp !== undefined && this.#givenUp === head) return this.#replace(head, signal);
    const mayWait = progress.state.kind === "complete" || progress.state.kind === "starting";
    const request = { haves: head ? [head] : [], skip: this.#skip, waitSeconds: mayWait ? waitSeconds : 0 };
    // The first answer says where the primary is.
    if (progress.state.kind === "starting") request.waitSeconds = 0;
    const answer = await primary.history(request, signal);
    if (answer.kind === "page") {
      progress.heard(answer.page.head);
      this.#divergence = undefined;
      await this.#take(answer.page, head, signal);
      return;
    }
    progress.heard(answer.head);
    if (answer.kind === "current") {
      this.#divergence = undefined;
      this.#completed();
    } else await this.#diverged(head, answer.head, signal);
  }

  #completed(): void {
    const { name, log, primary } = this.#options;
    const { lackingBlobs } = this.progress;
    if (!this.#hasBeenComplete) {
      this.#hasBeenComplete = true;
      const lacking =
        lackingBlobs === 0 ? "" : `, which lacks ${counted(lackingBlobs, "blob")} of its history`;
      log.info(`the replica '${name}' has all of ${primary.url}${lacking}`);
    }
    this.progress.complete();
  }

  /** Takes over a page that follows `head`, or that takes its place. */
  async #take(
    page: HistoryPage,
    head: ObjectId | undefined,
    signal: AbortSignal,
    from = head,
  ): Promise<void> {
    const { oci } = this.#options;
    const { progress } = this;
    const { url } = this.#options.primary;
    if (page.from !== from) throw new PrimaryError(`${url} sent a page that follows another commit`);
    if (page.to === undefined ? page.skip <= this.#skip : page.to === from)
      throw new PrimaryError(`${url} sent a page without anything new`);
    progress.behind(page.commits + page.remaining);
    oci.room.admitContent();
    for (const digest of await this.#fetchBlobs(page.objects, signal)) this.#lacking.add(digest);
    if (page.to === undefined) {
      await oci.store.put(page.objects);
      this.#skip = page.skip;
      return;
    }
    const commits = chainLength(page, from);
    if (commits === undefined) throw new PrimaryError(`${url} sent commits that do not follow each other`);
    signal.throwIfAborted();
    await oci.store.adopt({ objects: page.objects, expected: head, next: page.to, commits });
    this.#skip = 0;
    progress.head = page.to;
    progress.lackingBlobs += this.#lacking.size;
    for (const digest of this.#lacking) this.#missing.add(digest);
    this.#lacking.clear();
    progress.commits += commits;
    if (page.remaining > 0) progress.behind(page.remaining);
    else this.#completed();
  }

  /** Brings the blobs that the manifests among the objects name; resolves with those that the primary does not have. */
  async #fetchBlobs(objects: readonly NamedObject[], signal: AbortSignal): Promise<ReadonlySet<Digest>> {
    const named = new Set<Digest>();
    for (const { type, body } of objects) {
      if (type !== "blob") continue;
      for (const digest of parseStoredManifest(body)?.blobs ?? []) named.add(digest);
    }
    const lacking = new Set<Digest>(await this.#blobs.fetchAll(named, signal));
    // A collector may have removed one meanwhile, if the others took long.
    for (const digest of named)
      if (!lacking.has(digest) && !(await this.#blobs.isThere(digest)))
        await this.#blobs.fetch(digest, signal);
    this.progress.fetchedBytes = this.#blobs.bytes;
    return lacking;
  }

  async #diverged(
    head: ObjectId | undefined,
    there: ObjectId | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { oci, primary, name, log, divergedPauseMs = DIVERGED_PAUSE_MS } = this.#options;
    const before = this.#divergence;
    this.#skip = 0;
    // It has answered.
    this.progress.trouble = undefined;
    if (head !== undefined && (before?.ours !== head || before.theirs !== there)) {
      this.#divergence = await findDivergence({ oci, primary, signal }, head, there);
      this.progress.diverged(this.#divergence.reason);
      log.warn(`the replica '${name}' does not follow any more: ${this.#divergence.reason}`);
    }
    await this.#pause(divergedPauseMs, signal);
  }

  /** Takes the history of the primary in place of the own one. */
  async #replace(head: ObjectId, signal: AbortSignal): Promise<void> {
    const { primary, name, log } = this.#options;
    const { common } = this.#divergence ?? { common: undefined };
    const haves = common === undefined ? [] : [common];
    const answer = await primary.history({ haves, skip: this.#skip, waitSeconds: 0 }, signal);
    this.progress.heard(answer.kind === "page" ? answer.page.head : answer.head);
    if (answer.kind === "page") {
      await this.#take(answer.page, head, signal, common);
      if (answer.page.to === undefined) return;
    } else {
      if (answer.kind === "diverged" || common === undefined)
        throw new PrimaryError(`${primary.url} has no commits that could take the place of ${head}`);
      // It ends where the histories part.
      await this.#options.oci.store.adopt({ objects: [], expected: head, next: common, commits: 0 });
      this.progress.head = common;
      this.#completed();
    }
    this.#givenUp = undefined;
    this.#divergence = undefined;
    log.warn(
      `the replica '${name}' has given up its commits up to ${head}, and follows ${primary.url} again`,
    );
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#wakeUp = Promise.withResolvers();
    await orAborted(Promise.race([Bun.sleep(ms), this.#wakeUp.promise]), signal);
  }
}

/** How many commits lead to the end of a page along first parents; `undefined` if they do not begin at `from`. */
function chainLength({ objects, to }: HistoryPage, from: ObjectId | undefined): number | undefined {
  const bodies = new Map(
    objects.flatMap(({ type, id, body }) => (type === "commit" ? [[id, body] as const] : [])),
  );
  let id = to;
  for (let length = 0; ; length++) {
    if (id === from) return length;
    const body = id && bodies.get(id);
    if (!body) return undefined;
    id = parseCommit(body).parents[0];
  }
}
