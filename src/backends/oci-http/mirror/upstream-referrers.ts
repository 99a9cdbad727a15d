import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import { OverloadedError } from "../../../primitives/bounds/semaphore.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { monotonicMs } from "../../../primitives/monotonic-clock.ts";
import { partiesOf } from "./fetch-parties.ts";
import { type FetchLimits, FetchTurns } from "./fetch-turns.ts";
import type { ManifestFetches } from "./manifest-fetches.ts";
import type { UpstreamRequest } from "./mirrored-registry.ts";

const MAX_CHECKED_BYTES = 2 * 1024 * 1024;
/** Most manifests that one request brings along. */
const MAX_FETCHED = 200;
const AT_ONCE = 4;
/** Manifests whose referrers are asked for. */
const LIMITS: FetchLimits = {
  atOnce: 48,
  ofUpstream: 16,
  ofClient: 36,
  ofClientAtUpstream: 12,
  waiting: 500,
  waitingOfClient: 200,
};
/** How long (ms) a client waits for what was never asked for. */
const FIRST_WAIT_MS = 15_000;

/** Brings the manifests that refer to another along: signatures and the like. */
export class UpstreamReferrers {
  readonly #manifests: ManifestFetches;
  readonly #checked = new ByteCache<number>(MAX_CHECKED_BYTES);
  readonly #running = new Map<string, Promise<void>>();
  readonly #turns = new FetchTurns(LIMITS);

  constructor(manifests: ManifestFetches) {
    this.#manifests = manifests;
  }

  async bring(fetch: UpstreamRequest, subject: Digest): Promise<void> {
    const { registry, from, repository, health } = fetch;
    const key = `${registry.config.name} ${from.upstream.url} ${repository} ${subject}`;
    const checked = this.#checked.get(key);
    const isFresh = checked !== undefined && monotonicMs() - checked < from.checkMs;
    if (isFresh || health.trouble) return;
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#turns
        .run(partiesOf(fetch), () => this.#bring(fetch, subject, key))
        .catch((error) => {
          // What is here is served.
          if (!(error instanceof OverloadedError)) throw error;
        })
        .finally(() => this.#running.delete(key));
      // After the last client has left, nobody waits for it.
      running.catch(() => undefined);
      this.#running.set(key, running);
    }
    // What is here is served after a while; the rest comes nevertheless, for those who ask later.
    await Promise.race([running, Bun.sleep(checked === undefined ? FIRST_WAIT_MS : from.waitMs)]);
  }

  async #bring(fetch: UpstreamRequest, subject: Digest, key: string): Promise<void> {
    const { registry, from, repository } = fetch;
    const answer = await from.upstream.referrers(from.name, subject);
    if (answer.kind !== "found") {
      if (answer.kind === "unknown") this.#checked.set(key, monotonicMs());
      else this.#manifests.noteFailure(fetch, answer);
      return;
    }
    const missing = answer.referrers
      .map(({ digest }) => digest)
      .filter((digest) => !registry.oci.index.hasManifest(repository, digest))
      .slice(0, MAX_FETCHED);
    for (let at = 0; at < missing.length; at += AT_ONCE) {
      const some = missing.slice(at, at + AT_ONCE);
      await Promise.all(some.map((digest) => this.#manifests.manifest(fetch, { kind: "digest", digest })));
    }
    this.#checked.set(key, monotonicMs());
  }
}
