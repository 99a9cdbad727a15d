import { type Digest, digestAlgorithm, digestOf } from "../../../../primitives/digest.ts";
import type { Identity } from "../../../../primitives/store/git/commit.ts";
import { ManifestFault, parsePushedManifest } from "../../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { ReferenceFaults } from "../../../../registry/model/storage.ts";
import type { Tag } from "../../../../registry/model/tag.ts";
import { onlyAdds } from "../../content/store-event.ts";
import type { MoveRow } from "../../history/history-database.ts";
import { eventAt, lastSetBy } from "../../history/tag-sets.ts";
import { overQuota, type Policy } from "../../store/instance-policy.ts";
import { InstanceStorage } from "../../store/instance-storage.ts";
import type { OciStore } from "../../store/oci-store.ts";
import { heldBlob } from "../../store/reference-check.ts";
import type { Imported } from "../../store/store-changes.ts";
import { BlobIntake } from "./blob-intake.ts";
import type {
  BlobImport,
  BlobOutcome,
  BlobState,
  ImportTarget,
  ManifestImport,
  ManifestOutcome,
  TargetManifests,
  TargetRepository,
  TargetSet,
} from "./import-target.ts";

/** A registry that is served, or whose store a command has opened. */
export interface TargetRegistry {
  readonly config: Policy;
  readonly oci: OciStore;
}

export interface ImportAuthor {
  readonly identity: Identity;
  /** See `Imported`. */
  readonly source: string;
}

const CLIENT = "everlock import";
const intakes = new WeakMap<OciStore, BlobIntake>();

type TaggedMoveRow = MoveRow & { readonly repository: RepositoryName };

/** Imports into a store of this process. */
export class StoreTarget implements ImportTarget {
  readonly #registry: () => TargetRegistry;
  readonly #author: ImportAuthor;

  /** `registry` is called for each step, as settings may change; it throws if the registry is gone. */
  constructor(registry: () => TargetRegistry, author: ImportAuthor) {
    this.#registry = registry;
    this.#author = author;
  }

  async repository(name: RepositoryName): Promise<TargetRepository> {
    const { oci } = this.#registry();
    await oci.refresh();
    await oci.history.catchUp();
    const sql = `SELECT repository, tag, max(seq) AS seq, is_set, sum FROM moves WHERE repository = $repository
      GROUP BY tag`;
    const deleted: [Tag, number][] = [];
    const tags = oci.index.tagTargets(name);
    for (const { tag, seq, is_set } of oci.history.rows<TaggedMoveRow>(sql, { repository: name })) {
      const seconds = is_set === 0 && !tags.has(tag) ? eventAt(oci.history, seq)?.seconds : undefined;
      if (seconds !== undefined) deleted.push([tag, seconds]);
    }
    return { tags: [...tags], deleted };
  }

  async lastSet(repository: RepositoryName, tag: Tag): Promise<TargetSet | undefined> {
    const { oci } = this.#registry();
    const event = await oci.history.lastEvent(repository, tag);
    if (!event) return undefined;
    const commit = await oci.store.commitAt(event.commitId);
    const isImported = onlyAdds(commit) && event.subject.startsWith("import ");
    return { seconds: lastSetBy(event).seconds, isImported };
  }

  async manifests(repository: RepositoryName, digests: readonly Digest[]): Promise<TargetManifests> {
    const { oci } = this.#registry();
    const held: Digest[] = [];
    const former: Digest[] = [];
    for (const digest of digests) {
      if (oci.index.manifestStat(repository, digest)) held.push(digest);
      else if (oci.history.mentionedAt(repository, digest) !== undefined) former.push(digest);
    }
    return { held, former };
  }

  async findBlob(repository: RepositoryName, digest: Digest): Promise<BlobState> {
    const { oci } = this.#registry();
    oci.recency.touch(digest);
    if (await heldBlob(oci, repository, digest)) return { kind: "held" };
    const storage = this.#storage(undefined);
    const [from] = await storage.repositoriesWith(digest);
    if (from && (await storage.mountBlob(repository, digest, from))) return { kind: "held" };
    const intake = this.#intake(oci);
    return { kind: "lacking", received: await intake.received(digest), isBusy: intake.isWriting(digest) };
  }

  putBlob(blob: BlobImport, body: AsyncIterable<Uint8Array>): Promise<BlobOutcome> {
    const { oci, config } = this.#registry();
    oci.room.admitContent();
    const { repository, digest, size } = blob;
    return this.#intake(oci).put(blob, body, ({ id: session }) =>
      overQuota(oci, config, repository, { kind: "blob", digest, size, session }),
    );
  }

  async putManifest({ repository, digest, content, tag, made }: ManifestImport): Promise<ManifestOutcome> {
    const pushed = parsePushedManifest(content);
    if (pushed instanceof ManifestFault || digestOf(content, digestAlgorithm(digest)) !== digest)
      return { kind: "refused", reason: "the manifest is invalid" };
    const { manifest, named } = pushed;
    const storage = this.#storage(made);
    const faults = await storage.checkReferences(repository, manifest, named);
    const fault = describeFaults(faults);
    if (fault !== undefined) return { kind: "refused", reason: fault };
    const precondition =
      tag && (tag.expected ? { match: new Set([tag.expected]) } : { noneMatch: "*" as const });
    const tags = tag ? [tag.name] : [];
    const result = await storage.putManifest(repository, { digest, content, manifest, tags, precondition });
    switch (result.kind) {
      case "stored":
        return { kind: "stored" };
      case "over-quota":
        return { kind: "refused", reason: result.reason };
      case "immutable":
        return { kind: "refused", reason: `the tag is write-once here, and names ${result.current}` };
      case "unmet":
        // Another import of the same source was faster.
        if (tag && this.#registry().oci.index.tagDigest(repository, tag.name) === digest)
          return { kind: "stored" };
        return { kind: "refused", reason: "the tag was changed here meanwhile; run the import again" };
    }
  }

  #storage(made: number | undefined): InstanceStorage {
    const { oci, config } = this.#registry();
    const { identity, source } = this.#author;
    const imported: Imported = { source, made };
    return new InstanceStorage(oci, () => ({ identity, client: CLIENT, remote: "", imported }), config);
  }

  #intake(oci: OciStore): BlobIntake {
    const known = intakes.get(oci) ?? new BlobIntake(oci);
    intakes.set(oci, known);
    return known;
  }
}

function describeFaults({ missing, missized, mistyped }: ReferenceFaults): string | undefined {
  const [absent] = missing;
  if (absent) return `it names ${absent}, which is missing; a registry with references=sparse accepts it`;
  const [sized] = missized;
  if (sized) return `it says that ${sized.digest} has ${sized.stated} bytes, and it has ${sized.actual}`;
  const [typed] = mistyped;
  return typed && `it says that ${typed.digest} is '${typed.stated}', and it is '${typed.actual}'`;
}
