import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { OciStore } from "../store/oci-store.ts";
import { type NeededManifest, neededManifests } from "./needed-manifests.ts";

/** A manifest names a digest, and a derived database does not have that reference. */
export interface Disagreement {
  readonly manifest: NeededManifest;
  readonly digest: Digest;
}

/** The result of comparing the candidates with the commits. */
export interface Verdict {
  /** References that the commits have and the indexes lack. */
  readonly disagreements: readonly Disagreement[];
  /** False if the comparison was cancelled. */
  readonly isWhole: boolean;
}

/** The most disagreements that one pass reports. */
const MAX_DISAGREEMENTS = 20;

/** The links and blobs that are garbage according to the indexes; the commits must confirm it. */
export class GarbageCandidates {
  readonly #oci: OciStore;
  readonly #retainedSince: number | undefined;
  readonly #blobs = new Set<Digest>();
  readonly #links = new Map<Digest, RepositoryName[]>();
  #linkCount = 0;

  /** `retainedSince` in seconds since the epoch; `undefined`: everything removed is retained. */
  constructor(oci: OciStore, retainedSince: number | undefined) {
    this.#oci = oci;
    this.#retainedSince = retainedSince;
  }

  get size(): number {
    return this.#blobs.size + this.#linkCount;
  }

  blobs(): Iterable<Digest> {
    return this.#blobs;
  }

  *links(): Generator<{ readonly scope: RepositoryName; readonly digest: Digest }> {
    for (const [digest, scopes] of this.#links) for (const scope of scopes) yield { scope, digest };
  }

  addBlob(digest: Digest): void {
    this.#blobs.add(digest);
  }

  addLink(scope: RepositoryName, digest: Digest): void {
    this.#linkCount++;
    const scopes = this.#links.get(digest);
    if (scopes) scopes.push(scope);
    else this.#links.set(digest, [scope]);
  }

  /**
   * Drops the candidates that a manifest in the commits names. An index that should have known the reference is damaged.
   * `step` is called between steps and may wait; false cancels the comparison.
   */
  async compareWithCommits(step: () => Promise<boolean>): Promise<Verdict> {
    const { store } = this.#oci;
    const head = store.head().commitId;
    const disagreements: Disagreement[] = [];
    let isWhole = true;
    const mayGoOn = async () => {
      isWhole = await step();
      return isWhole;
    };
    const frozen = this.#oci.frozenCommits();
    const needed =
      head &&
      neededManifests(store.walk(), {
        head,
        frozen,
        retainedSince: this.#retainedSince,
        contentOf: (...key) => this.#oci.index.manifest(...key)?.content,
        step: mayGoOn,
      });
    for await (const manifest of needed ?? []) {
      for (const digest of manifest.named) {
        const isBlob = this.#blobs.delete(digest);
        const isLink =
          manifest.why.kind === "stored" && this.#links.get(digest)?.includes(manifest.repository);
        if (isLink) this.#dropLink(manifest.repository, digest);
        if (
          (isBlob || isLink) &&
          (await this.#isUnknown(manifest, digest)) &&
          disagreements.length < MAX_DISAGREEMENTS
        )
          disagreements.push({ manifest, digest });
      }
    }
    return { disagreements, isWhole };
  }

  #dropLink(scope: RepositoryName, digest: Digest): void {
    const scopes = (this.#links.get(digest) ?? []).filter((known) => known !== scope);
    this.#linkCount--;
    if (scopes.length > 0) this.#links.set(digest, scopes);
    else this.#links.delete(digest);
  }

  /** Whether an index lacks a reference that it should have; changes since it was read do not count. */
  async #isUnknown({ repository, path, why }: NeededManifest, digest: Digest): Promise<boolean> {
    const { history, store, derived } = this.#oci;
    switch (why.kind) {
      case "stored":
        return (
          (await store.head().fileId(path)) !== undefined &&
          derived.head === store.head().commitId &&
          !this.#oci.index.names(repository, digest) &&
          (await store.head().fileId(path)) !== undefined
        );
      case "frozen":
        return (
          this.#oci.frozenCommits().includes(why.at) &&
          this.#oci.servedIndexes().every((served) => !served.isNeeded(digest))
        );
      case "removed":
        return history.has(why.by) && (history.removedAt(digest) ?? 0) < why.seconds;
    }
  }
}
