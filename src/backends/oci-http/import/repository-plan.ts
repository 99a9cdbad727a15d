import type { Digest } from "../../../primitives/digest.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { ImportStep, Planning } from "./import-types.ts";
import { SourceFault, type SourceMove, type SourceTag, type Untaken } from "./sources/import-source.ts";
import { inParallel } from "./sources/in-parallel.ts";
import type { TargetSet } from "./target/import-target.ts";

/** Manifests that are looked up in the target at once. */
const AT_ONCE = 1000;
/** Indexes within indexes, and referrers of referrers: a manifest can't name itself, but a source may be deep. */
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
  /** Manifests of an index that the source can't give; they are not asked for again. */
  readonly #unreadable = new Set<Digest>();
  /** What each index of a tag needs; many tags may name the same one. */
  readonly #needs = new Map<Digest, Promise<readonly Digest[]>>();
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
    const isWanted = (tag: Tag) => selection.includesTag(this.#route.from, tag);
    const content = await source.content(this.#route.from, isWanted);
    const state = await target.repository(this.#route.to);
    const here = { tags: new Map(state.tags), deleted: new Map(state.deleted) };
    this.untaken.push(...content.untaken);
    const wanted = content.tags.filter(({ tag }) => isWanted(tag));
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
    const needs = this.#needs.get(digest) ?? this.#needsOf(read.manifest.manifests);
    this.#needs.set(digest, needs);
    const children = await needs;
    const dated = made ?? (await this.#planning.manifests.built(from, digest));
    return { from, to, tag, digest, made: dated, children };
  }

  async #needsOf(digests: readonly Digest[]): Promise<readonly Digest[]> {
    const found = new Set<Digest>();
    await this.#addChildren(digests, found, 0);
    return [...found];
  }

  /** Those that the target lacks; a missing one is found out when the index is put. */
  async #addChildren(digests: readonly Digest[], found: Set<Digest>, depth: number): Promise<void> {
    if (digests.length === 0 || depth > MAX_DEPTH) return;
    const { manifests } = this.#planning;
    const { held } = await this.#known(digests);
    for (const digest of digests) {
      this.#children.add(digest);
      if (held.has(digest) || found.has(digest) || this.#unreadable.has(digest)) continue;
      const read = await manifests.read(this.#route.from, digest);
      if (read instanceof SourceFault) {
        this.#unreadable.add(digest);
        continue;
      }
      this.#noteBlobs(read.named);
      await this.#addChildren(read.manifest.manifests, found, depth + 1);
      found.add(digest);
    }
  }

  async #addUntagged(untagged: readonly SourceMove[], tops: ReadonlySet<Digest>): Promise<void> {
    const { held, former } = await this.#known(untagged.map(({ digest }) => digest));
    this.present += held.size;
    const isLacking = ({ digest }: SourceMove) =>
      !held.has(digest) && !former.has(digest) && !tops.has(digest);
    const lacking = untagged.filter(isLacking);
    await this.#addAll(lacking.map((move) => ({ ...move, tag: undefined, isNewest: true })));
  }

  /** Which manifests the target has, or had. */
  async #known(digests: readonly Digest[]) {
    const held = new Set<Digest>();
    const former = new Set<Digest>();
    for (let at = 0; at < digests.length; at += AT_ONCE) {
      const some = await this.#planning.target.manifests(this.#route.to, digests.slice(at, at + AT_ONCE));
      for (const digest of some.held) held.add(digest);
      for (const digest of some.former) former.add(digest);
    }
    return { held, former };
  }

  /** Signatures and whatever else refers to the manifests, of a source that lists no manifests but can be asked for these. */
  async #addReferrers(tops: readonly Digest[]): Promise<void> {
    let subjects = [...tops, ...this.#children];
    for (let depth = 0; this.#planning.source.referrers && subjects.length > 0; depth++) {
      const found = await this.#referrersOf(subjects);
      if (depth === MAX_DEPTH && found.length > 0) {
        const reason = `what refers to its manifests is referred to in turn, more than ${MAX_DEPTH} times`;
        this.untaken.push({ what: this.#route.from, reason });
        return;
      }
      const { held, former } = await this.#known(found);
      const planned = new Set(this.steps.map(({ digest }) => digest));
      const isLacking = (digest: Digest) => !held.has(digest) && !former.has(digest) && !planned.has(digest);
      const lacking = found.filter(isLacking);
      await this.#addAll(
        lacking.map((digest) => ({ digest, tag: undefined, made: undefined, isNewest: true })),
      );
      subjects = found;
    }
  }

  /** Of those that were not asked for before. */
  async #referrersOf(subjects: readonly Digest[]): Promise<Digest[]> {
    const { source } = this.#planning;
    const { from } = this.#route;
    const asked = subjects.filter((digest) => !this.#asked.has(digest));
    for (const digest of asked) this.#asked.add(digest);
    const lists = await inParallel(asked, source.parallel, async (digest) =>
      source.referrers?.(from, digest),
    );
    const faults = lists.filter((list) => list instanceof SourceFault);
    const [fault] = faults;
    if (fault)
      this.untaken.push({
        what: from,
        reason: `what refers to ${counted(faults.length, "manifest")} of it can't be listed, such as signatures: ${fault.reason}`,
      });
    return [...new Set(lists.flatMap((list) => (list && !(list instanceof SourceFault) ? list : [])))];
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
