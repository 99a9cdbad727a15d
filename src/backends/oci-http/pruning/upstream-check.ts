import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { ExplainedFailure } from "../../../registry/client/upstream-answer.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { UpstreamRequest } from "../mirror/mirrored-registry.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Author } from "../store/store-changes.ts";
import type { MirroredImage } from "./prunable-images.ts";

const AUTHOR: Author = { identity: SYSTEM_IDENTITY, client: "gc", remote: "" };
/** Most images that upstream is asked about in one run. */
const MAX_ASKED = 5000;
/** An upstream that fails so often is not asked any more. */
const MAX_FAILURES = 3;

/** Asks upstream whether it still has what is to be deleted here: a copy may be the last one. */
export class UpstreamCheck {
  /** Images that upstream has no more. */
  gone = 0;
  /** Images that upstream does not give, with the last reason. */
  refused: { readonly count: number; readonly reason: string } | undefined;
  /** Why some upstream is not asked any more, a line each. */
  readonly stopped = new Map<string, string>();
  readonly #mirrors: Pick<Mirrors, "ask" | "noteFailure">;
  readonly #instance: InstanceName;
  readonly #signal: AbortSignal;
  /** How often upstreams failed, by URL. */
  readonly #failures = new Map<string, number>();
  #asked = 0;

  constructor(mirrors: Pick<Mirrors, "ask" | "noteFailure">, instance: InstanceName, signal: AbortSignal) {
    this.#mirrors = mirrors;
    this.#instance = instance;
    this.#signal = signal;
  }

  /** Where a repository comes from; `undefined`: from nowhere. */
  requestFor(repository: RepositoryName): UpstreamRequest | undefined {
    return this.#mirrors.ask({ instance: this.#instance, repository, author: AUTHOR });
  }

  async has({ repository, digest }: MirroredImage): Promise<boolean> {
    const request = this.requestFor(repository);
    if (!request) return false;
    const { from, health } = request;
    const { url } = from.upstream;
    if (this.stopped.has(url)) return false;
    if (++this.#asked > MAX_ASKED) {
      this.stopped.set(url, `${MAX_ASKED} images were looked at; the next run goes on`);
      return false;
    }
    const { limited } = health;
    const answer =
      limited ?? (await from.upstream.headManifest(from.name, { kind: "digest", digest }, this.#signal));
    if (answer.kind === "found") return true;
    if (answer.kind === "unknown") this.gone++;
    else this.#note(request, answer, answer === limited);
    return false;
  }

  /** Upstreams deny what was deleted or made private, and fail at what they have lost: that does not hold up the rest. */
  #note(request: UpstreamRequest, failure: ExplainedFailure, isKnown: boolean): void {
    if (!isKnown) this.#mirrors.noteFailure(request, failure);
    const { url } = request.from.upstream;
    const count = (this.#failures.get(url) ?? 0) + (failure.kind === "unavailable" ? 1 : 0);
    this.#failures.set(url, count);
    if (failure.kind === "limited" || count >= MAX_FAILURES)
      this.stopped.set(url, `${failure.reason}: nothing more is pruned of what comes from there`);
    else this.refused = { count: (this.refused?.count ?? 0) + 1, reason: failure.reason };
  }
}
