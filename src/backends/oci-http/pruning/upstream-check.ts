import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { UpstreamRequest } from "../mirror/mirrored-registry.ts";
import type { Mirrors } from "../mirror/mirrors.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { Author } from "../store/store-changes.ts";
import type { MirroredImage } from "./prunable-images.ts";

const AUTHOR: Author = { identity: SYSTEM_IDENTITY, client: "gc", remote: "" };
/** Most images that upstream is asked about in one run. */
const MAX_ASKED = 5000;

/** Asks upstream whether it still has what is to be deleted here: a copy may be the last one. */
export class UpstreamCheck {
  /** Images that upstream has no more. */
  gone = 0;
  /** Why some upstream is not asked any more, a line each. */
  readonly stopped = new Map<string, string>();
  readonly #mirrors: Pick<Mirrors, "ask" | "noteFailure">;
  readonly #instance: InstanceName;
  readonly #signal: AbortSignal;
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
    const answer =
      health.trouble ??
      (await from.upstream.headManifest(from.name, { kind: "digest", digest }, this.#signal));
    if (answer.kind === "found") return true;
    if (answer.kind === "unknown") this.gone++;
    else {
      if (answer !== health.trouble) this.#mirrors.noteFailure(request, answer);
      this.stopped.set(url, `${answer.reason}: nothing more is pruned of what comes from there`);
    }
    return false;
  }
}
