import type { Digest } from "../../../primitives/digest.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { ImportStep, Planning } from "./import-types.ts";
import { SourceFault, type SourceMove, type SourceTag, type Untaken } from "./sources/import-source.ts";
import { inParallel } from "./sources/in-parallel.ts";
import type { TargetSet } from "./target/import-target.ts";

/** Manifests that are looked up in the target at once. */
const AT_ONCE = 1000;
/** Indexes within indexes; a manifest can't name itself, but a damaged source may be deep. */
const MAX_DEPTH = 16;

/** A repository of the source, and the one that gets its content. */
interface Route {
  readonly from: RepositoryName;
  readonly to: RepositoryName;
}

/** What is to be imported of one repository. */
export class RepositoryPlan {
  readonly steps: ImportStep[] = [];
  readonly kept: Untaken[] = [];
  readonly untaken: Untaken[] = [];
  present = 0;
  readonly #planning: Planning;
  readonly #route: Route;
  /** Sizes of all blobs that are needed, of all repositories. */
  readonly #blobs: Map<Digest, number>;
  /** Manifests that come along with others. */
  readonly #children = new Set<Digest>();
  readonly #asked = new Set<Digest>();

  private constructor(planning: Planning, route: Route, blobs: Map<Digest, number>) {
    this.#planning = planning;
    this.#route = route;
    this.#blobs = blobs;
  }

  static async make(planning: Planning, route: Route, blobs: Map<Digest, number>): Promise<RepositoryPlan> {
    const plan = new RepositoryPlan(planning, route, blobs);
    await plan.#make();
    return plan;
  }

  async #make(): Promise<void> {
    const { source, target, selection } = this.#planning;
    const content = await source.content(this.#route.from);
    const state = await target.repository(this.#route.to);
    const here = { tags: new Map(state.tags), deleted: new Map(state.deleted) };
    this.untaken.push(...content.untaken);
    const wanted = content.tags.filter(({ tag }) => selection.includesTag(this.#route.from, tag));
    const moves = (await inParallel(wanted, source.parallel, (tag) => this.#movesOf(tag, here))).flat();
    await this.#addAll(moves);
    const tops = wanted.map(({ digest }) => digest);
    if (selection.includesUntagged(this.#route.from))
      await this.#addUntagged(content.untagged, new Set(tops));
    await this.#addReferrers(tops);
    const isAlone = ({ tag, digest }: ImportStep) => tag !== undefined || !this.#children.has(digest);
    this.steps.splice(0, this.steps.length, ...this.steps.filter(isAlone));
  }

  /** What a tag is to name, one after the other. */
  async #movesOf(tag: SourceTag, here: TagsHere): Promise<PlannedMove[]> {
    const { tag: name, made = 0 } = tag;
    const current = here.tags.get(name);
    if (current === tag.digest) {
      this.present++;
      return [];
    }
    const last = await this.#lastChange(name, here, current);
    // Whoever changed it here after it was pushed there knew better.
    if (last && !last.isImported && last.seconds >= made) {
      const reason = current ? "it was set here, and later than there" : "it was deleted here";
      this.kept.push({ what: `${this.#route.to}:${name}`, reason });
      return [];
    }
    const done = tag.earlier.findLastIndex(({ digest }) => digest === current);
    const isNew = (move: SourceMove) => !last || done >= 0 || (move.made ?? 0) > last.seconds;
    const earlier = tag.earlier.slice(done + 1).filter(isNew);
    return [
      ...earlier.map(({ digest, made: then }) => ({ tag: name, digest, made: then, isNewest: false })),
      { tag: name, digest: tag.digest, made: tag.made, isNewest: true },
    ];
  }

  /** When and how a tag was last changed here; `undefined` for one that never was. */
  async #lastChange(tag: Tag, here: TagsHere, current: Digest | undefined): Promise<TargetSet | undefined> {
    if (current) return this.#planning.target.lastSet(this.#route.to, tag);
    const seconds = here.deleted.get(tag);
    return seconds === undefined ? undefined : { seconds, isImported: false };
  }

  /** In their order. */
  async #addAll(moves: readonly PlannedMove[]): Promise<void> {
    const { parallel } = this.#planning.source;
    for (const step of await inParallel(moves, parallel, (move) => this.#stepOf(move)))
      if (step) this.steps.push(step);
  }

  async #stepOf({ tag, digest, made, isNewest }: PlannedMove): Promise<ImportStep | undefined> {
    const { from, to } = this.#route;
    const read = await this.#planning.manifests.read(from, digest);
    if (read instanceof SourceFault) {
      // What a tag named before may be gone.
      if (isNewest)
        this.untaken.push({ what: tag ? `${from}:${tag}` : `${from}@${digest}`, reason: read.reason });
      return undefined;
    }
    this.#noteBlobs(read.named);
    const children: Digest[] = [];
    await this.#addChildren(read.manifest.manifests, children, 0);
    const dated = made ?? (await this.#planning.manifests.built(from, digest));
    return { from, to, tag, digest, made: dated, children };
  }

  /** Those that the target lacks; a missing one is found out when the index is put. */
  async #addChildren(digests: readonly Digest[], found: Digest[], depth: number): Promise<void> {
    if (digests.length === 0 || depth > MAX_DEPTH) return;
    const { target, manifests } = this.#planning;
    const held = new Set((await target.manifests(this.#route.to, digests)).held);
    for (const digest of digests) {
      this.#children.add(digest);
      if (held.has(digest) || found.includes(digest)) continue;
      const read = await manifests.read(this.#route.from, digest);
      if (read instanceof SourceFault) continue;
      this.#noteBlobs(read.named);
      await this.#addChildren(read.manifest.manifests, found, depth + 1);
      found.push(digest);
    }
  }

  async #addUntagged(untagged: readonly SourceMove[], tops: ReadonlySet<Digest>): Promise<void> {
    const { target } = this.#planning;
    for (let at = 0; at < untagged.length; at += AT_ONCE) {
      const some = untagged.slice(at, at + AT_ONCE);
      const { held, former } = await target.manifests(
        this.#route.to,
        some.map(({ digest }) => digest),
      );
      const known = new Set([...held, ...former]);
      this.present += held.length;
      const lacking = some.filter(({ digest }) => !known.has(digest) && !tops.has(digest));
      await this.#addAll(lacking.map((move) => ({ ...move, tag: undefined, isNewest: true })));
    }
  }

  /** Signatures and whatever else refers to the manifests, of a source that lists no manifests but can be asked for these. */
  async #addReferrers(tops: readonly Digest[]): Promise<void> {
    const { source, target } = this.#planning;
    const { from, to } = this.#route;
    for (let subjects = [...tops, ...this.#children]; source.referrers && subjects.length > 0; ) {
      const asked = subjects.filter((digest) => !this.#asked.has(digest));
      for (const digest of asked) this.#asked.add(digest);
      const lists = await inParallel(asked, source.parallel, async (digest) =>
        source.referrers?.(from, digest),
      );
      const found = [...new Set(lists.flatMap((list) => list ?? []))];
      const { held, former } = await target.manifests(to, found);
      const known = new Set([...held, ...former, ...this.steps.map(({ digest }) => digest)]);
      const lacking = found.filter((digest) => !known.has(digest));
      await this.#addAll(
        lacking.map((digest) => ({ digest, tag: undefined, made: undefined, isNewest: true })),
      );
      subjects = found;
    }
  }

  #noteBlobs(named: readonly NamedContent[]): void {
    for (const { kind, digest, size } of named) if (kind === "blob") this.#blobs.set(digest, size);
  }
}

/** The tags of the target, and when those were deleted that it had. */
interface TagsHere {
  readonly tags: ReadonlyMap<Tag, Digest>;
  readonly deleted: ReadonlyMap<Tag, number>;
}

interface PlannedMove extends SourceMove {
  readonly tag: SourceTag["tag"] | undefined;
  readonly isNewest: boolean;
}
