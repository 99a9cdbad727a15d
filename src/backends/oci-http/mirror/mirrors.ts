import type { Digest } from "../../../primitives/digest.ts";
import { failureOf, isHidden } from "../../../primitives/errors/failure.ts";
import { LogThrottle } from "../../../primitives/logging/log-throttle.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { PageRequest } from "../../../registry/model/page.ts";
import type { Reference } from "../../../registry/model/tag.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { placesOf } from "../settings/upstream-places.ts";
import type { OciStore } from "../store/oci-store.ts";
import { BlobFetches } from "./blob-fetches.ts";
import { failureForClient } from "./failure-for-client.ts";
import { ManifestFetches } from "./manifest-fetches.ts";
import type {
  MirrorCalls,
  MirroredBlob,
  MirroredManifest,
  MirroredTags,
  MirrorRequest,
} from "./mirror-calls.ts";
import { MirrorCounts, type MirrorRecord } from "./mirror-counts.ts";
import { type UpstreamRequest, upstreamOf } from "./mirrored-registry.ts";
import { UpstreamReferrers } from "./upstream-referrers.ts";
import { UpstreamTags } from "./upstream-tags.ts";
import { type OpenUpstream, Upstreams } from "./upstreams.ts";

export interface MirrorsOptions {
  /** The registry with that name and its store, if it is in service. */
  readonly find: (
    name: InstanceName,
  ) => { readonly config: InstanceConfig; readonly oci: OciStore } | undefined;
  /** `undefined`: no upstream is asked, as by a command that works without a server. */
  readonly openUpstream: OpenUpstream | undefined;
  readonly log: Logger;
}

/** Fetches from the upstreams of all registries, on the thread that owns the stores. */
export class Mirrors implements MirrorCalls {
  readonly counts = new MirrorCounts();
  readonly #options: MirrorsOptions;
  readonly #upstreams: Upstreams | undefined;
  readonly #manifests: ManifestFetches;
  readonly #blobs: BlobFetches;
  readonly #referrers: UpstreamReferrers;
  readonly #tags = new UpstreamTags();
  readonly #log: LogThrottle;

  constructor(options: MirrorsOptions) {
    this.#options = options;
    this.#upstreams = options.openUpstream && new Upstreams(options.openUpstream, () => this.forgetMisses());
    this.#log = new LogThrottle((message) => options.log.warn(message));
    const failed = (request: UpstreamRequest, failure: UpstreamFailure) => this.#failed(request, failure);
    this.#manifests = new ManifestFetches({
      failed,
      fetched: ({ registry }, bytes) => {
        this.counts.of(registry.config.name).manifests++;
        this.counts.of(registry.config.name).bytes += bytes;
      },
      checked: ({ registry }, hasMoved) => {
        const counts = this.counts.of(registry.config.name);
        if (hasMoved) counts.moved++;
        else counts.unchanged++;
      },
      stale: (message) => this.#log.log("stale", message),
      broken: (request, tag, error) => this.#broken(request, `the tag '${tag}'`, error),
    });
    this.#blobs = new BlobFetches({
      failed,
      received: ({ registry }, bytes) => {
        this.counts.of(registry.config.name).bytes += bytes;
      },
      brokeOff: ({ registry, repository }, failure) => {
        const { name } = registry.config;
        this.counts.of(name).failures[failure.kind]++;
        const reason = "reason" in failure ? failure.reason : failure.kind;
        const what = `the mirror '${name}' asks for the rest of a blob of '${repository}'`;
        this.#log.log(`${name} broke off`, `${what}: ${reason}`);
      },
      broken: (request, digest, error) => this.#broken(request, digest, error),
      fetched: ({ registry }) => {
        this.counts.of(registry.config.name).blobs++;
      },
    });
    this.#referrers = new UpstreamReferrers(this.#manifests);
  }

  /** Whether upstreams are asked at all. */
  get canAsk(): boolean {
    return this.#upstreams !== undefined;
  }

  /** Blobs that are being fetched. */
  get underWay(): number {
    return this.#blobs.count;
  }

  /** The registries that have asked their upstream, or served without it, since the server started. */
  list(): MirrorRecord[] {
    return this.counts.list().flatMap(([registry, counts]) => {
      const found = this.#options.find(registry);
      const upstreams = found ? placesOf(found.config).map(({ upstream }) => upstream) : [];
      return upstreams.length === 0 ? [] : [{ registry, upstream: upstreams.join(", "), counts }];
    });
  }

  async manifest(request: MirrorRequest, reference: Reference): Promise<MirroredManifest> {
    const asked = this.ask(request);
    return asked ? this.#manifests.manifest(asked, reference) : { kind: "unknown" };
  }

  async blob(request: MirrorRequest, digest: Digest, isHead: boolean): Promise<MirroredBlob> {
    const asked = this.ask(request);
    return asked ? this.#blobs.blob(asked, digest, isHead) : { kind: "unknown" };
  }

  async tags(request: MirrorRequest, page: PageRequest): Promise<MirroredTags> {
    const asked = this.ask(request);
    if (!asked || page.limit === 0 || asked.health.trouble) return { kind: "own" };
    const isKnown = asked.registry.oci.index.knows(request.repository);
    const answer = await this.#tags.page(asked, page);
    if (answer.kind === "found") return { kind: "page", page: answer.page };
    if (answer.kind !== "unknown") this.noteFailure(asked, answer);
    return isKnown ? { kind: "own" } : failureForClient(answer);
  }

  async referrers(request: MirrorRequest, subject: Digest): Promise<void> {
    const asked = this.ask(request);
    if (asked) await this.#referrers.bring(asked, subject);
  }

  /** What an upstream denied, or did not have, is asked for again at once: its credential or its settings have changed. */
  forgetMisses(): void {
    this.#manifests.forgetMisses();
    this.#blobs.forgetMisses();
  }

  noteHits(instance: InstanceName, count: number): void {
    this.counts.of(instance).hits += count;
  }

  /** Lets go of what only registries need that are not among these. */
  keep(names: ReadonlySet<InstanceName>): void {
    this.#upstreams?.keep(names);
    this.counts.keep(names);
  }

  /** Ends all fetches. */
  async stop(): Promise<void> {
    await this.#blobs.stop();
    this.keep(new Set());
  }

  /** Where the content of a repository comes from; `undefined` if the registry gets none from elsewhere. */
  ask({ instance, repository, author }: MirrorRequest): UpstreamRequest | undefined {
    const found = this.#options.find(instance);
    if (!found || !this.#upstreams) return undefined;
    const registry = { ...found, routes: this.#upstreams.routesOf(found.config) };
    const from = upstreamOf(registry.routes, repository);
    return from && { registry, repository, from, health: from.health, author };
  }

  /** Upstream gave no content; the metrics and the log say why. */
  noteFailure(request: UpstreamRequest, failure: UpstreamFailure): void {
    request.health.note(failure);
    this.#failed(request, failure);
  }

  /** What upstream gave could not be kept here. */
  #broken({ registry, repository }: UpstreamRequest, content: string, error: unknown): void {
    const { kind, detail } = failureOf(error);
    const what = `the mirror '${registry.config.name}' could not keep ${content} of '${repository}'`;
    if (isHidden(kind)) this.#options.log.error(what, error);
    else this.#log.log("broken", `${what}: ${detail}`);
  }

  #failed({ registry, repository }: UpstreamRequest, failure: UpstreamFailure): void {
    const { name } = registry.config;
    this.counts.of(name).failures[failure.kind]++;
    const reason = "reason" in failure ? failure.reason : "upstream does not have it";
    this.#log.log(
      `${name} ${failure.kind}`,
      `the mirror '${name}' got nothing of '${repository}': ${reason}`,
    );
  }
}
