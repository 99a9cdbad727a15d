import type { Digest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import { parseStoredManifest, referencedDigests } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { manifestPath, parseOciPath, repositoryPath } from "../content/layout.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import type { OciStore } from "../store/oci-store.ts";

/** The manifests of one repository that come back with tags of a past state. */
export class RestoredManifests {
  readonly changes: Change[] = [];
  /** What they need to be complete. */
  readonly blobs = new Set<Digest>();
  /** Manifests that tags stood for and that are not to be had. */
  readonly missing: Digest[] = [];
  readonly #oci: OciStore;
  readonly #repository: RepositoryName;
  readonly #then: Snapshot;
  readonly #now: Snapshot;
  readonly #seen = new Set<Digest>();

  constructor(oci: OciStore, repository: RepositoryName, then: Snapshot, now: Snapshot) {
    this.#oci = oci;
    this.#repository = repository;
    this.#then = then;
    this.#now = now;
  }

  /** A manifest that a tag stood for, with all that it referred to as far as that was there. */
  async add(top: Digest): Promise<void> {
    if (this.#seen.has(top)) return;
    let isThere = false;
    const read = (digest: Digest) => this.#then.read(manifestPath(this.#repository, digest));
    for await (const { digest, content, manifest } of manifestClosure(top, { read, seen: this.#seen })) {
      isThere = true;
      this.changes.push({ path: manifestPath(this.#repository, digest), content });
      for (const blob of manifest.blobs) this.blobs.add(blob);
      for (const named of referencedDigests(manifest)) this.#oci.recency.touch(named);
    }
    if (!isThere) this.missing.push(top);
  }

  /** What signed or described them then, by its subject, and has gone since. */
  async addReferrers(): Promise<void> {
    const gone = new Map<Digest, Digest[]>();
    const directory = repositoryPath(this.#repository);
    for await (const { path, before, after } of this.#oci.store.diffBelow(directory, this.#then, this.#now)) {
      const file = before && !after ? parseOciPath(path) : undefined;
      if (file?.kind !== "manifest") continue;
      const subject = parseStoredManifest(await this.#then.read(path))?.subject;
      if (subject) gone.set(subject, [...(gone.get(subject) ?? []), file.digest]);
    }
    // What a referrer brings along may have referrers itself; a set is walked with what comes to it meanwhile.
    for (const digest of this.#seen) for (const referrer of gone.get(digest) ?? []) await this.add(referrer);
  }
}
