import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import { OverloadedError } from "../../../primitives/bounds/semaphore.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { failureOf } from "../../../primitives/errors/failure.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { UpstreamManifest } from "../../../registry/client/registry-client.ts";
import type { UpstreamAnswer, UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { Reference, Tag } from "../../../registry/model/tag.ts";
import { quotasOf } from "../store/instance-policy.ts";
import { failureForClient } from "./failure-for-client.ts";
import { partiesOf } from "./fetch-parties.ts";
import { type FetchLimits, FetchTurns } from "./fetch-turns.ts";
import type { MirroredManifest, MirrorFailure } from "./mirror-calls.ts";
import type { UpstreamRequest } from "./mirrored-registry.ts";
import { NegativeMemory } from "./negative-memory.ts";
import { isOwnPush } from "./own-tag.ts";
import { withSecondTry } from "./second-try.ts";

/** Requests for manifests. */
const LIMITS: FetchLimits = {
  atOnce: 256,
  ofUpstream: 64,
  ofClient: 128,
  ofClientAtUpstream: 48,
  waiting: 2000,
  waitingOfClient: 1500,
};
const MAX_CHECKED_BYTES = 8 * 1024 * 1024;
/** How long (ms) a client waits for what the store does not have; the fetch goes on. */
const MISS_WAIT_MS = 60_000;

export interface ManifestFetchesOptions {
  /** Called with each failure of an upstream but "unknown". */
  readonly failed: (fetch: UpstreamRequest, failure: UpstreamFailure) => void;
  /** Called for each manifest that was fetched and kept. */
  readonly fetched: (fetch: UpstreamRequest, bytes: number) => void;
  /** Called for each tag that upstream was asked about, with whether it moved. */
  readonly checked: (fetch: UpstreamRequest, hasMoved: boolean) => void;
  /** Called with each warning that a client gets. */
  readonly stale: (warning: string) => void;
  /** Called where a tag could not be moved for a failure here, such as for want of room. */
  readonly broken: (fetch: UpstreamRequest, tag: Tag, error: unknown) => void;
  readonly now?: MonotonicClock;
}

type Outcome = { readonly kind: "current" } | UpstreamFailure | Extract<MirrorFailure, { kind: "refused" }>;

/** Fetches manifests and follows tags, on the thread that owns the stores. Equal requests share one fetch. */
export class ManifestFetches {
  readonly #options: ManifestFetchesOptions;
  readonly #now: MonotonicClock;
  readonly #turns = new FetchTurns(LIMITS);
  readonly #running = new Map<string, Promise<Outcome>>();
  readonly #unknown: NegativeMemory;
  /** When each tag was last found to be where upstream has it. */
  readonly #checked = new ByteCache<number>(MAX_CHECKED_BYTES);

  constructor(options: ManifestFetchesOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    this.#unknown = new NegativeMemory(this.#now);
  }

  async manifest(fetch: UpstreamRequest, reference: Reference): Promise<MirroredManifest> {
    return reference.kind === "tag" ? this.#tag(fetch, reference.tag) : this.#digest(fetch, reference.digest);
  }

  async #digest(fetch: UpstreamRequest, digest: Digest): Promise<MirroredManifest> {
    const { registry, repository, health } = fetch;
    const { oci } = registry;
    if (oci.index.hasManifest(repository, digest)) return { kind: "current", freshMs: 0 };
    // Another node may have it.
    await oci.refresh();
    if (oci.index.hasManifest(repository, digest)) return { kind: "current", freshMs: 0 };
    const key = keyOf(fetch, digest);
    if (this.#unknown.has(key)) return { kind: "unknown" };
    const outcome =
      health.limited ??
      (await this.#shared(
        fetch,
        key,
        () => this.#fetch(fetch, { kind: "digest", digest }, [], undefined),
        MISS_WAIT_MS,
      ));
    if (outcome.kind === "current") return { kind: "current", freshMs: 0 };
    return this.#missed(key, outcome);
  }

  async #tag(fetch: UpstreamRequest, tag: Tag): Promise<MirroredManifest> {
    const { registry, repository, from, health } = fetch;
    const { oci } = registry;
    const key = keyOf(fetch, tag);
    // Another node may have moved it.
    await oci.refresh();
    const own = oci.index.tagDigest(repository, tag);
    const interval = from.checkMs;
    const freshMs = (this.#checked.get(key) ?? Number.NEGATIVE_INFINITY) + interval - this.#now();
    if (own && freshMs > 0) return { kind: "current", freshMs };
    if (own && (interval === Number.POSITIVE_INFINITY || (await isOwnPush(fetch, tag))))
      return { kind: "current", freshMs: interval };
    if (!own && this.#unknown.has(key)) return { kind: "unknown" };
    const trouble = own ? health.trouble : health.limited;
    const check = () =>
      this.#shared(fetch, key, () => this.#check(fetch, tag, key), own ? from.waitMs : MISS_WAIT_MS);
    const outcome =
      trouble ??
      (await check().catch((error): Outcome => {
        if (!own) throw error;
        this.#options.broken(fetch, tag, error);
        return { kind: "refused", reason: failureOf(error).words };
      }));
    if (outcome.kind === "current") return { kind: "current", freshMs: interval };
    return own ? this.#stale(fetch, tag, outcome) : this.#missed(key, outcome);
  }

  /** What upstream did not give is asked for again at once. */
  forgetMisses(): void {
    this.#unknown.clear();
  }

  #missed(key: string, outcome: Exclude<Outcome, { kind: "current" }>): MirrorFailure {
    if (outcome.kind === "unknown" || outcome.kind === "denied") this.#unknown.add(key);
    return outcome.kind === "refused" ? outcome : failureForClient(outcome);
  }

  #stale(
    { repository }: UpstreamRequest,
    tag: Tag,
    outcome: Exclude<Outcome, { kind: "current" }>,
  ): MirroredManifest {
    const why =
      outcome.kind === "unknown"
        ? "upstream has this tag no more"
        : `it could not be checked: ${outcome.reason}`;
    const warning = `${repository}:${tag} is served from the copy of this mirror; ${why}`;
    this.#options.stale(warning);
    return { kind: "stale", warning };
  }

  /** Resolves after `waitMs` at the latest; the work goes on, for those who ask later. */
  async #shared(
    fetch: UpstreamRequest,
    key: string,
    work: () => Promise<Outcome>,
    waitMs: number,
  ): Promise<Outcome> {
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#turns
        .run(partiesOf(fetch), work)
        .catch(overload)
        .finally(() => this.#running.delete(key));
      // Whoever waits gets the error; after the last one has left, nobody does.
      running.catch(() => undefined);
      this.#running.set(key, running);
    }
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => {
      const reason = `${fetch.from.upstream.url} did not answer within ${waitMs / 1000} s`;
      const failure = { kind: "unavailable", reason } as const;
      this.noteFailure(fetch, failure);
      resolve(failure);
    }, waitMs);
    try {
      return await Promise.race([running, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks upstream where a tag points, and moves ours there. */
  async #check(fetch: UpstreamRequest, tag: Tag, key: string): Promise<Outcome> {
    const { registry, from, repository } = fetch;
    // Before upstream is asked: what a user pushes meanwhile is not moved.
    const own = registry.oci.index.tagDigest(repository, tag);
    const asked = () => from.upstream.headManifest(from.name, { kind: "tag", tag });
    const head = this.#noted(fetch, await (own ? asked() : withSecondTry(asked)));
    if (head.kind !== "found") return head;
    const { digest } = head;
    this.#options.checked(fetch, own !== digest);
    const outcome =
      own === digest ? CURRENT : await this.#fetch(fetch, { kind: "digest", digest }, [tag], own);
    if (outcome.kind === "current") this.#checked.set(key, this.#now());
    return outcome;
  }

  /** Fetches a manifest unless the store has it, and commits it; `own`: where the tags point now. */
  async #fetch(
    fetch: UpstreamRequest,
    reference: Reference,
    tags: readonly Tag[],
    own: Digest | undefined,
  ): Promise<Outcome> {
    const { registry, from, repository } = fetch;
    const known =
      reference.kind === "digest" ? registry.oci.index.manifest(repository, reference.digest) : undefined;
    const parsed = known && parseStoredManifest(known.content);
    if (known && parsed) return this.#commit(fetch, { ...known, manifest: parsed }, tags, own);
    const answer = this.#noted(
      fetch,
      await withSecondTry(() => from.upstream.getManifest(from.name, reference)),
    );
    if (answer.kind !== "found") return answer;
    this.#options.fetched(fetch, answer.content.length);
    return this.#commit(fetch, answer, tags, own);
  }

  async #commit(
    { registry, from, repository, author }: UpstreamRequest,
    { digest, content, manifest }: Pick<UpstreamManifest, "digest" | "content" | "manifest">,
    tags: readonly Tag[],
    own: Digest | undefined,
  ): Promise<Outcome> {
    const { config, oci } = registry;
    const quotas = quotasOf(oci, config);
    const result = await oci.changes.putManifest(author, {
      repository,
      digest,
      content,
      manifest,
      tags,
      immutable: config.immutable,
      upstream: from.upstream.url,
      // What a user has pushed or moved meanwhile counts.
      ...(tags.length > 0 && {
        precondition: own === undefined ? { noneMatch: "*" as const } : { match: new Set([own]) },
      }),
      ...(quotas && { quotas }),
    });
    return result.kind === "over-quota" ? { kind: "refused", reason: result.reason } : CURRENT;
  }

  /** Upstream gave no content. */
  noteFailure(fetch: UpstreamRequest, failure: UpstreamFailure): void {
    fetch.health.note(failure);
    this.#options.failed(fetch, failure);
  }

  #noted<T>(fetch: UpstreamRequest, answer: UpstreamAnswer<T>): UpstreamAnswer<T> {
    if (answer.kind === "found" || answer.kind === "unknown") fetch.health.noteSound();
    else this.noteFailure(fetch, answer);
    return answer;
  }
}

/** A copy is served nevertheless. Throws other errors. */
function overload(error: unknown): Outcome {
  if (!(error instanceof OverloadedError)) throw error;
  return { kind: "unavailable", reason: error.message };
}

const CURRENT = { kind: "current" } as const;

function keyOf({ registry, from, repository }: UpstreamRequest, reference: string): string {
  return `${registry.config.name} ${from.upstream.url} ${repository} ${reference}`;
}
