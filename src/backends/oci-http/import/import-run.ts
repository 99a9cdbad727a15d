import type { Digest } from "../../../primitives/digest.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { BlobCopies, type CopyWatch } from "./blob-copies.ts";
import type { ImportPlan, ImportStep } from "./import-types.ts";
import type { ManifestReader } from "./manifest-reader.ts";
import { type ImportSource, SourceFault, type Untaken } from "./sources/import-source.ts";
import type { ImportTarget } from "./target/import-target.ts";

/** What an import has done, also one that failed half way. */
export interface ImportTally {
  tags: number;
  manifests: number;
  /** Of blobs that were copied. */
  bytes: number;
  /** Tags and manifests that were there already. */
  present: number;
  /** What stays as it was changed here since. */
  readonly kept: Untaken[];
  readonly untaken: Untaken[];
}

export interface ImportRun {
  readonly source: ImportSource;
  readonly target: ImportTarget;
  readonly manifests: ManifestReader;
  readonly watch: CopyWatch;
  readonly tally: ImportTally;
}

export function newTally(): ImportTally {
  return { tags: 0, manifests: 0, bytes: 0, present: 0, kept: [], untaken: [] };
}

export function notePlan(tally: ImportTally, { present, kept, untaken }: ImportPlan): void {
  tally.present += present;
  tally.kept.push(...kept);
  tally.untaken.push(...untaken);
}

/**
 * Carries out a plan: blobs of several steps are copied at once, and each step's manifests are stored in the plan's order.
 * What can't be taken is noted, and the others go on. Rejects if the source or the target is gone.
 */
export async function runImport(run: ImportRun, { steps }: Pick<ImportPlan, "steps">): Promise<void> {
  const { source, tally } = run;
  const copies = new BlobCopies(run);
  const importer = new StepImporter(run, copies);
  const begun: Promise<string | undefined>[] = [];
  try {
    for (const [i, step] of steps.entries()) {
      for (let next = begun.length; next < Math.min(i + source.parallel, steps.length); next++) {
        const copying = importer.copyBlobs(steps[next] ?? step);
        // Awaited in its turn; until then a failure must not count as unhandled.
        copying.catch(() => undefined);
        begun.push(copying);
      }
      const reason = (await begun[i]) ?? (await importer.store(step));
      if (reason !== undefined) tally.untaken.push({ what: nameOf(step), reason });
    }
  } finally {
    await Promise.allSettled(begun);
  }
}

function nameOf({ from, tag, digest }: ImportStep): string {
  return tag === undefined ? `${from}@${digest}` : `${from}:${tag}`;
}

/** Methods resolve with the reason why a step can't be taken, if so. */
class StepImporter {
  readonly #run: ImportRun;
  readonly #copies: BlobCopies;
  /** What the tags name that were set. */
  readonly #tags = new Map<string, Digest>();
  readonly #known = new Map<RepositoryName, Promise<ReadonlyMap<Tag, Digest>>>();
  /** Manifests by repository and digest; many tags may name the same one. */
  readonly #copied = new Map<string, Promise<string | undefined>>();
  readonly #stored = new Set<string>();

  constructor(run: ImportRun, copies: BlobCopies) {
    this.#run = run;
    this.#copies = copies;
  }

  async copyBlobs({ from, to, digest, children }: ImportStep): Promise<string | undefined> {
    for (const manifest of [...children, digest]) {
      const key = `${to} ${manifest}`;
      const copied = this.#copied.get(key) ?? this.#copyBlobsOf({ from, to }, manifest);
      this.#copied.set(key, copied);
      const reason = await copied;
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  async #copyBlobsOf(route: Pick<ImportStep, "from" | "to">, manifest: Digest): Promise<string | undefined> {
    const read = await this.#run.manifests.read(route.from, manifest);
    if (read instanceof SourceFault) return read.reason;
    const reasons = await Promise.all(blobsOf(read.named).map((blob) => this.#copies.ensure(route, blob)));
    // With `references=sparse` the target does without the blob; otherwise it refuses the manifest.
    return reasons.find((each) => each?.isFinal)?.reason;
  }

  async store({ from, to, tag, digest, made, children }: ImportStep): Promise<string | undefined> {
    const { target, manifests, tally } = this.#run;
    for (const each of [...children, digest]) {
      const isTop = each === digest;
      if (!isTop && this.#stored.has(`${to} ${each}`)) continue;
      const read = await manifests.read(from, each);
      if (read instanceof SourceFault) return read.reason;
      const outcome = await target.putManifest({
        repository: to,
        digest: each,
        content: read.content,
        tag: isTop && tag ? { name: tag, expected: await this.#current(to, tag) } : undefined,
        made,
      });
      if (outcome.kind === "refused")
        return this.#copies.whyMissing(to, blobsOf(read.named)) ?? outcome.reason;
      if (!this.#stored.has(`${to} ${each}`)) tally.manifests++;
      this.#stored.add(`${to} ${each}`);
    }
    if (tag === undefined) return undefined;
    this.#tags.set(`${to}:${tag}`, digest);
    tally.tags++;
    return undefined;
  }

  /** What a tag names before it is set. */
  async #current(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const set = this.#tags.get(`${repository}:${tag}`);
    if (set) return set;
    const known =
      this.#known.get(repository) ??
      this.#run.target.repository(repository).then(({ tags }) => new Map(tags));
    this.#known.set(repository, known);
    return (await known).get(tag);
  }
}

function blobsOf(named: readonly NamedContent[]): NamedContent[] {
  const blobs = named.filter(({ kind }) => kind === "blob");
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
