import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { manifestPath, parseOciPath, repositoryPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { RestoreRefusal, TagRestore } from "./restore-plan.ts";

interface AddedOptions {
  /** The manifests that the commit added and that are still there. */
  readonly added: readonly { readonly repository: RepositoryName; readonly digest: Digest }[];
  /** The tags that are moved. */
  readonly moves: readonly TagRestore[];
  /** Paths of the manifests that the undo needs. */
  readonly restored: ReadonlySet<string>;
}

/** Most manifests that are looked at to find one that needs another; one that more refer to is kept. */
const MAX_NAMERS = 1000;

/** The manifests that an undone commit has added: they are deleted unless something else needs them. */
export class AddedManifests {
  readonly #oci: OciStore;
  readonly #state: Snapshot;
  readonly #options: AddedOptions;
  readonly #deleted = new Map<RepositoryName, Set<Digest>>();

  /** `state`: what the undo is planned from. */
  constructor(oci: OciStore, state: Snapshot, options: AddedOptions) {
    this.#oci = oci;
    this.#state = state;
    this.#options = options;
  }

  get candidates(): number {
    return this.#options.added.length;
  }

  /** The changes that delete those which nothing needs. */
  async unneeded(): Promise<Change[]> {
    const { added, restored } = this.#options;
    for (const { repository, digest } of added)
      if (!restored.has(manifestPath(repository, digest))) this.#of(repository).add(digest);
    const untagged = this.#untaggedTest();
    const pace = new Pace(1);
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const [repository, digests] of this.#deleted) {
        for (const digest of digests) {
          await pace.rest();
          if (untagged(repository, digest) && !this.#isNamed(repository, digest)) continue;
          digests.delete(digest);
          // One that is kept may need others.
          isStable = false;
        }
      }
    }
    return [...this.#deleted].flatMap(([repository, digests]) =>
      [...digests].map((digest) => ({ path: manifestPath(repository, digest), content: null })),
    );
  }

  /** Whether something that was pushed since the plan needs one of those that would be deleted. */
  async neededSince(parent: Snapshot): Promise<RestoreRefusal | undefined> {
    const pace = new Pace(0.5);
    for (const [repository, digests] of this.#deleted) {
      if (digests.size === 0) continue;
      const changes = this.#oci.store.diffBelow(repositoryPath(repository), this.#state, parent);
      for await (const { path, after } of changes) {
        await pace.rest();
        const file = after && parseOciPath(path);
        if (!file || file.repository !== repository) continue;
        const digest = await this.#neededBy(file, digests, parent);
        if (digest) return { kind: "needed", repository, digest };
      }
    }
    return undefined;
  }

  async #neededBy(
    file: NonNullable<ReturnType<typeof parseOciPath>>,
    digests: ReadonlySet<Digest>,
    parent: Snapshot,
  ): Promise<Digest | undefined> {
    const { repository } = file;
    if (file.kind === "tag") {
      const digest = await tagTarget(parent, repository, file.tag);
      return digest && digests.has(digest) ? digest : undefined;
    }
    const manifest = parseStoredManifest(await parent.read(manifestPath(repository, file.digest)));
    const named = manifest ? [...manifest.manifests, ...(manifest.subject ? [manifest.subject] : [])] : [];
    return named.find((digest) => digests.has(digest));
  }

  #of(repository: RepositoryName): Set<Digest> {
    const digests = this.#deleted.get(repository) ?? new Set();
    this.#deleted.set(repository, digests);
    return digests;
  }

  /** Whether a manifest has no tag but those that the undo moves. */
  #untaggedTest(): (repository: RepositoryName, digest: Digest) => boolean {
    const moved = new Map<string, number>();
    for (const { repository, before } of this.#options.moves) {
      const key = `${repository}@${before}`;
      moved.set(key, (moved.get(key) ?? 0) + 1);
    }
    return (repository, digest) => {
      const count = moved.get(`${repository}@${digest}`) ?? 0;
      return this.#oci.index.tagsOf(repository, digest, count + 1).length <= count;
    };
  }

  /** Whether a manifest that stays names this one, as child or subject. */
  #isNamed(repository: RepositoryName, digest: Digest): boolean {
    const { index } = this.#oci;
    if (!index.names(repository, digest)) return false;
    const namers = index.manifestsWith(digest, MAX_NAMERS);
    const deleted = this.#of(repository);
    return (
      namers.length === MAX_NAMERS ||
      namers.some((namer) => namer.repository === repository && !deleted.has(namer.digest))
    );
  }
}
