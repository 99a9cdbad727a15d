import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import type { Pace } from "../../../primitives/jobs/pace.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { blobSizes, MAX_DEPTH, manifestJson, pullSize } from "../content/manifest-sizes.ts";
import { type SummarizedManifest, SummaryWriter } from "./summary-writer.ts";

/** Returns the bytes of a manifest of a repository, if it is there. */
export type ReadManifest = (repository: RepositoryName, digest: Digest) => Uint8Array | undefined;

/** Most indexes that are measured again when one of their manifests comes or goes. */
const MAX_ANCESTORS = 100;

/** Applies changes to the tables in short steps. */
export class SummaryUpdate {
  readonly writer: SummaryWriter;
  readonly #db: Database;
  readonly #read: ReadManifest;
  readonly #pace: Pace;
  readonly #signal: AbortSignal;

  /** Methods reject with the signal's reason once that is aborted. */
  constructor(db: Database, read: ReadManifest, pace: Pace, signal: AbortSignal) {
    this.writer = new SummaryWriter(db);
    this.#db = db;
    this.#read = read;
    this.#pace = pace;
    this.#signal = signal;
  }

  /** Runs a step in a transaction, and again for as long as it returns true. */
  async step(work: (writer: SummaryWriter) => unknown): Promise<void> {
    for (let isUnfinished = true; isUnfinished; ) {
      this.#signal.throwIfAborted();
      isUnfinished = this.#db.transaction(() => work(this.writer))() === true;
      await this.#pace.rest();
    }
  }

  async addManifest(repository: RepositoryName, digest: Digest, content: Uint8Array): Promise<void> {
    const manifest = await this.#summarize(repository, digest, content);
    if (!manifest) return;
    await this.step((writer) => writer.addManifest(repository, manifest));
    await this.step((writer) => writer.sizeTags(repository, digest));
    await this.#resizeParents(repository, digest);
  }

  async removeManifest(repository: RepositoryName, digest: Digest, content: Uint8Array): Promise<void> {
    const manifest = await this.#summarize(repository, digest, content);
    if (!manifest) return;
    await this.step((writer) => writer.removeManifest(repository, manifest));
    await this.step((writer) => writer.sizeTags(repository, digest));
    await this.#resizeParents(repository, digest);
  }

  async #summarize(
    repository: RepositoryName,
    digest: Digest,
    content: Uint8Array,
  ): Promise<SummarizedManifest | undefined> {
    const manifest = parseStoredManifest(content);
    if (!manifest) return undefined;
    const sizes = blobSizes(manifestJson(content), manifest);
    const held = manifest.blobs.map((blob) => [blob, sizes.get(blob) ?? 0] as const);
    const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const read = (other: Digest) => (other === digest ? content : this.#read(repository, other));
    const size =
      manifest.manifests.length === 0 ? all : await pullSize(digest, read, () => this.#pace.rest());
    return { digest, bytes: content.length, blobs: new Map(held), children: manifest.manifests, size };
  }

  /** Measures the indexes again that name a manifest which has come or gone, also by other indexes; each once. */
  async #resizeParents(repository: RepositoryName, child: Digest): Promise<void> {
    const read = (digest: Digest) => this.#read(repository, digest);
    for (const parent of this.#ancestorsOf(repository, child)) {
      const size = await pullSize(parent, read, () => this.#pace.rest());
      await this.step((writer) => writer.resizeManifest(repository, parent, size));
      await this.step((writer) => writer.sizeTags(repository, parent));
    }
  }

  /** The nearest ones come first. */
  #ancestorsOf(repository: RepositoryName, child: Digest): ReadonlySet<Digest> {
    const found = new Set<Digest>();
    let level: readonly Digest[] = [child];
    for (let depth = 1; depth <= MAX_DEPTH; depth++) {
      const parents = level.flatMap((digest) => this.writer.parentsOf(repository, digest));
      level = [...new Set(parents)]
        .filter((digest) => !found.has(digest))
        .slice(0, MAX_ANCESTORS - found.size);
      for (const digest of level) found.add(digest);
    }
    return found;
  }
}
