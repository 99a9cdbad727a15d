import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import { type Manifest, parseStoredManifest, referencedDigests } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { manifestPath, parseOciPath, repositoryPath } from "../content/layout.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import type { OciStore } from "../store/oci-store.ts";

/** The manifests of one repository that are restored with tags of a past state. */
export class RestoredManifests {
  readonly changes: Change[] = [];
  /** The configs and layers of these manifests. */
  readonly blobs = new Set<Digest>();
  /** Manifests that tags name and that the past state lacks. */
  readonly missing: Digest[] = [];
  /** How many manifests were added that no restored tag needs. */
  untagged = 0;
  readonly #oci: OciStore;
  readonly #repository: RepositoryName;
  readonly #then: Snapshot;
  readonly #now: Snapshot;
  readonly #seen = new Set<Digest>();
  readonly #pace = new Pace(0.5);

  constructor(oci: OciStore, repository: RepositoryName, then: Snapshot, now: Snapshot) {
    this.#oci = oci;
    this.#repository = repository;
    this.#then = then;
    this.#now = now;
  }

  /** Adds a manifest that a tag named, and all its descendants in the past state. */
  async add(top: Digest): Promise<void> {
    if (this.#seen.has(top)) return;
    let isThere = false;
    const read = (digest: Digest) => this.#then.read(manifestPath(this.#repository, digest));
    for await (const { digest, content, manifest } of manifestClosure(top, { read, seen: this.#seen })) {
      await this.#pace.rest();
      isThere = true;
      this.changes.push({ path: manifestPath(this.#repository, digest), content });
      for (const blob of manifest.blobs) this.blobs.add(blob);
      for (const named of referencedDigests(manifest)) this.#oci.recency.touch(named);
    }
    if (!isThere) this.missing.push(top);
  }

  /**
   * Adds the deleted manifests whose subject is one of those added; with `untagged`, also every other one whose content is still
   * stored.
   */
  async addDeleted({ untagged }: { readonly untagged: boolean }): Promise<void> {
    const gone = new Map<Digest, Manifest>();
    const referrers = new Map<Digest, Digest[]>();
    const directory = repositoryPath(this.#repository);
    for await (const { path, before, after } of this.#oci.store.diffBelow(directory, this.#then, this.#now)) {
      await this.#pace.rest();
      const file = before && !after ? parseOciPath(path) : undefined;
      if (file?.kind !== "manifest" || file.repository !== this.#repository) continue;
      const manifest = parseStoredManifest(await this.#then.read(path));
      if (!manifest) continue;
      const { subject } = manifest;
      if (untagged) gone.set(file.digest, manifest);
      if (subject) referrers.set(subject, [...(referrers.get(subject) ?? []), file.digest]);
    }
    // A referrer may have referrers itself: the loop also visits digests added to the set meanwhile.
    for (const digest of this.#seen)
      for (const referrer of referrers.get(digest) ?? []) await this.add(referrer);
    const isIndex = ([, { manifests }]: readonly [Digest, Manifest]) => manifests.length > 0;
    // Indexes come last, as they need their children.
    for (const [digest, manifest] of [...gone].sort((a, b) => Number(isIndex(a)) - Number(isIndex(b)))) {
      if (this.#seen.has(digest) || !(await this.#isWhole(manifest))) continue;
      await this.add(digest);
      this.untagged++;
    }
  }

  async #isWhole({ blobs, manifests }: Manifest): Promise<boolean> {
    for (const blob of blobs) {
      await this.#pace.rest();
      this.#oci.recency.touch(blob);
      await this.#oci.blobs.touch?.(blob);
      if (!(await this.#oci.blobs.stat(blob))) return false;
    }
    for (const child of manifests) {
      const isThere = await this.#now.fileId(manifestPath(this.#repository, child));
      if (!isThere && !this.#seen.has(child)) return false;
    }
    return true;
  }
}
