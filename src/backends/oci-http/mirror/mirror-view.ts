import { ByteCache } from "../../../primitives/bounds/byte-cache.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { originOf, originsNamed } from "../settings/upstream-names.ts";
import { knownPlacesOf, placeFor, placesOf, type UpstreamPlace } from "../settings/upstream-places.ts";
import type { MirrorCalls } from "./mirror-calls.ts";

/** Hits are told together after this time (ms): a message for each would cost more than the pull. */
const TELL_MS = 1000;
const MAX_FRESH_BYTES = 4 * 1024 * 1024;
const MAX_BLOB_BYTES = 4 * 1024 * 1024;

/** What one serving thread knows of a registry with an upstream, for all its requests. */
export class MirrorView {
  readonly instance: InstanceName;
  readonly calls: MirrorCalls;
  /** Whether clients may push besides. */
  readonly acceptsPushes: boolean;
  /** Whether upstreams may be asked. */
  readonly asks: boolean;
  /** Whether manifests may name what is missing. */
  readonly isSparse: boolean;
  readonly #places: readonly UpstreamPlace[];
  readonly #hosts: readonly string[];
  readonly #now: MonotonicClock;
  #hits = 0;
  #telling: Timer | undefined;
  /** Until when each tag needs no look at upstream. */
  readonly #fresh = new ByteCache<number>(MAX_FRESH_BYTES);
  /** Blobs that are known to have come to their repositories. */
  readonly #blobs = new ByteCache<true>(MAX_BLOB_BYTES);

  constructor(config: InstanceConfig, calls: MirrorCalls, now: MonotonicClock = monotonicMs) {
    this.instance = config.name;
    this.calls = calls;
    this.acceptsPushes = config.upstreamMode === "fallback";
    this.asks = placesOf(config).length > 0;
    this.#places = knownPlacesOf(config);
    this.isSparse = config.references === "sparse";
    this.#hosts = config.vhosts;
    this.#now = now;
  }

  /** Where what a repository lacks comes from; `undefined`: all of it is the registry's own. */
  placeOf(repository: RepositoryName): UpstreamPlace | undefined {
    return placeFor(this.#places, repository);
  }

  /** Whether a repository may have images that a user pushed. */
  mayHaveOwn(repository: RepositoryName): boolean {
    return this.acceptsPushes || this.placeOf(repository)?.prefix !== "";
  }

  /** Whether the name by which a client knows the registry of its image stands for this place, or for this registry itself. */
  isNamed({ upstream }: UpstreamPlace, name: string): boolean {
    if (this.#hosts.includes(name.toLowerCase())) return true;
    const origin = originOf(upstream);
    return origin !== undefined && originsNamed(name).includes(origin);
  }

  isFresh(repository: RepositoryName, tag: Tag): boolean {
    return (this.#fresh.get(`${repository}:${tag}`) ?? 0) > this.#now();
  }

  noteFresh(repository: RepositoryName, tag: Tag, ms: number): void {
    if (ms > 0) this.#fresh.set(`${repository}:${tag}`, this.#now() + ms);
  }

  /** See `cameTo`. */
  isKnownBlob(repository: RepositoryName, digest: Digest): boolean {
    return this.#blobs.get(`${repository} ${digest}`) === true;
  }

  noteBlob(repository: RepositoryName, digest: Digest): void {
    this.#blobs.set(`${repository} ${digest}`, true);
  }

  /** Something was served that upstream need not be asked for. */
  noteHit(): void {
    this.#hits++;
    this.#telling ??= setTimeout(() => this.tellHits(), TELL_MS).unref();
  }

  /** Tells at once. */
  tellHits(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.calls.noteHits(this.instance, this.#hits);
    this.#hits = 0;
  }
}
