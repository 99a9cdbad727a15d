import { type Digest, digestAlgorithm, digestOf } from "../../src/primitives/digest.ts";
import type { BlobRequest, RegistryClient, UpstreamBody } from "../../src/registry/client/registry-client.ts";
import {
  type UpstreamAnswer,
  UpstreamBodyError,
  type UpstreamFailure,
} from "../../src/registry/client/upstream-answer.ts";
import {
  ManifestFault,
  parsePushedManifest,
  parseStoredManifest,
} from "../../src/registry/model/manifest.ts";
import type { RepositoryName } from "../../src/registry/model/repository-name.ts";
import type { Referrer } from "../../src/registry/model/storage.ts";
import type { Tag } from "../../src/registry/model/tag.ts";
import { randomBytes } from "./random-bytes.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const UNKNOWN = { kind: "unknown" } as const;

export interface UpstreamImage {
  readonly digest: Digest;
  readonly config: Digest;
  readonly layer: Digest;
}

/** What a body does at some offset, before its next bytes. */
export type BodyStep = (offset: number) => Promise<void> | void;

/** A registry in memory, of one repository, which counts what it is asked and fails as it is told. */
export class FakeUpstream implements RegistryClient {
  readonly url = "https://upstream.test";
  /** Each request as `head 3.20`, `get sha256:…`, `blob sha256:…@0`, `tags`, `referrers`. */
  readonly asked: string[] = [];
  readonly tagged = new Map<string, Digest>();
  readonly manifests = new Map<Digest, Uint8Array<ArrayBuffer>>();
  readonly blobs = new Map<Digest, Uint8Array>();
  /** What every request gets while it is set. */
  failure: UpstreamFailure | undefined;
  /** Awaited before each response. */
  silence: Promise<void> | undefined;
  /** Of each piece of a blob. */
  step: BodyStep = () => undefined;
  pieceBytes = 64 * 1024;
  statesSizes = true;
  /** Repositories that have not this blob, by its digest; without an entry, all have it. */
  readonly lacking = new Map<Digest, RepositoryName>();
  /** Whether its list of tags is one page, whatever was asked for. */
  listsAll = false;

  image(tag: string, size = 1000, subject?: Digest, artifactType?: string): UpstreamImage {
    const config = this.blob(Buffer.from(`{"config":"${crypto.randomUUID()}"}`));
    const layer = this.blob(randomBytes(size));
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: CONFIG, digest: config, size: this.blobs.get(config)?.length },
        layers: [{ mediaType: LAYER, digest: layer, size }],
        ...(artifactType !== undefined && { artifactType }),
        ...(subject && {
          subject: { mediaType: MANIFEST, digest: subject, size: this.manifests.get(subject)?.length },
        }),
      }),
    );
    const digest = digestOf(content);
    this.manifests.set(digest, content);
    if (tag !== "") this.tagged.set(tag, digest);
    return { digest, config, layer };
  }

  /** An index of these images, each with its platform, such as `linux/arm64`. */
  index(tag: string, images: Readonly<Record<string, UpstreamImage>>): Digest {
    const manifests = Object.entries(images).map(([platform, { digest }]) => {
      const [os, architecture] = platform.split("/");
      const size = this.manifests.get(digest)?.length;
      return { mediaType: MANIFEST, digest, size, platform: { os, architecture } };
    });
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
    const digest = digestOf(content);
    this.manifests.set(digest, content);
    this.tagged.set(tag, digest);
    return digest;
  }

  blob(bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  async headManifest(...[, reference]: Parameters<RegistryClient["headManifest"]>) {
    const name = reference.kind === "tag" ? reference.tag : reference.digest;
    const failure = await this.#ask(`head ${name}`);
    if (failure) return failure;
    const digest = reference.kind === "tag" ? this.tagged.get(name) : reference.digest;
    const content = digest && this.manifests.get(digest);
    if (!digest || !content) return UNKNOWN;
    return {
      kind: "found" as const,
      digest,
      mediaType: MANIFEST,
      size: content.length,
      lastModified: undefined,
    };
  }

  async getManifest(...[, reference]: Parameters<RegistryClient["getManifest"]>) {
    const name = reference.kind === "tag" ? reference.tag : reference.digest;
    const failure = await this.#ask(`get ${name}`);
    if (failure) return failure;
    const digest = reference.kind === "tag" ? this.tagged.get(name) : reference.digest;
    const content = digest && this.manifests.get(digest);
    if (!content) return UNKNOWN;
    const parsed = parsePushedManifest(content);
    if (parsed instanceof ManifestFault) throw new Error(parsed.reason);
    return {
      kind: "found" as const,
      digest,
      mediaType: parsed.manifest.mediaType,
      content,
      ...parsed,
      lastModified: undefined,
    };
  }

  async headBlob(...[repository, digest]: Parameters<RegistryClient["headBlob"]>) {
    const failure = await this.#ask(`head ${digest}`);
    if (failure) return failure;
    if (this.lacking.get(digest) === repository) return UNKNOWN;
    const size = this.blobs.get(digest)?.length;
    return size === undefined ? UNKNOWN : { kind: "found" as const, size };
  }

  async openBlob(
    repository: RepositoryName,
    digest: Digest,
    { from = 0, signal }: BlobRequest = {},
  ): Promise<UpstreamAnswer<{ body: UpstreamBody; size: number | undefined; lastModified: undefined }>> {
    const failure = await this.#ask(`blob ${digest}@${from}`);
    if (failure) return failure;
    const bytes = this.blobs.get(digest);
    if (!bytes || this.lacking.get(digest) === repository) return UNKNOWN;
    const { step, pieceBytes } = this;
    const body = async function* () {
      for (let at = from; at < bytes.length; at += pieceBytes) {
        await step(at);
        signal?.throwIfAborted();
        yield bytes.slice(at, at + pieceBytes);
      }
      await step(bytes.length);
    };
    const size = this.statesSizes ? bytes.length : undefined;
    return { kind: "found", body: body(), size, lastModified: undefined };
  }

  async tags(...[, { limit, after }]: Parameters<RegistryClient["tags"]>) {
    const failure = await this.#ask("tags");
    if (failure) return failure;
    const last = after && "last" in after && !this.listsAll ? after.last : "";
    const all = [...this.tagged.keys()].sort().filter((tag) => tag > last) as Tag[];
    const entries = this.listsAll ? all : all.slice(0, limit);
    return { kind: "found" as const, entries, next: undefined };
  }

  async repositories() {
    return (await this.#ask("repositories")) ?? UNKNOWN;
  }

  async referrers(...[, subject]: Parameters<RegistryClient["referrers"]>) {
    const failure = await this.#ask("referrers");
    if (failure) return failure;
    const referrers = [...this.manifests].flatMap(([digest, content]): Referrer[] => {
      const parsed = parseStoredManifest(content);
      if (parsed?.subject !== subject) return [];
      const { artifactType } = parsed;
      return [{ mediaType: MANIFEST, digest, size: content.length, ...(artifactType && { artifactType }) }];
    });
    return { kind: "found" as const, referrers };
  }

  close(): void {}

  /** How often it was asked for something. */
  count(request: string): number {
    return this.asked.filter((asked) => asked === request).length;
  }

  async #ask(request: string): Promise<UpstreamFailure | undefined> {
    this.asked.push(request);
    await this.silence;
    return this.failure;
  }
}

/** Breaks a body off, as a lost connection does. */
export function brokenOff(): never {
  throw new UpstreamBodyError({ kind: "unavailable", reason: "https://upstream.test broke off" });
}

/** A blob's bytes with a digest that is not theirs. */
export function falsify(upstream: FakeUpstream, digest: Digest): void {
  const bytes = upstream.blobs.get(digest);
  if (!bytes) throw new Error(`no blob ${digest}`);
  const wrong = bytes.slice();
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  if (digestOf(wrong, digestAlgorithm(digest)) === digest) throw new Error("unchanged");
  upstream.blobs.set(digest, wrong);
}
