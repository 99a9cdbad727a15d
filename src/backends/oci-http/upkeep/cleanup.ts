import type { Digest } from "../../../primitives/digest.ts";
import type { JobRun } from "../../../primitives/jobs/job-runner.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { type Draft, SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Change } from "../../../primitives/store/commits/tree-edit.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { manifestPath, parseOciPath, repositoryPath, tagPath } from "../content/layout.ts";
import { formatEvent, type TagMove } from "../content/store-event.ts";
import { digestInTag, tagTarget } from "../content/tag-target.ts";
import { setsInOrder } from "../history/set-order.ts";
import { type CleanupRule, formatCleanupRule, ruleFor } from "../policy/cleanup-rules.ts";
import { findLost } from "../store/index-auditor.ts";
import type { OciStore } from "../store/oci-store.ts";
import { type CleanupPlan, type ManifestNode, planCleanup } from "./cleanup-plan.ts";

export interface Cleaned {
  readonly tags: number;
  readonly manifests: number;
  /** The deleted tags and manifests (in a dry run: those that would be deleted), one per line. */
  readonly lines: readonly string[];
}

const MAX_ATTEMPTS = 5;

/** Deletes the tags and manifests that the rules select, with one commit per repository. */
export async function applyCleanupRules(
  oci: OciStore,
  rules: readonly CleanupRule[],
  { isDryRun, signal, progress }: JobRun,
  now = () => Date.now(),
): Promise<Cleaned> {
  if (rules.length > 0) await oci.history.catchUp(signal);
  const lines: string[] = [];
  let [tagCount, manifestCount, applied] = [0, 0, 0];
  for (const repository of rules.length > 0 ? oci.index.repositoriesAfter("") : []) {
    const rule = ruleFor(rules, repository);
    if (!rule) continue;
    if (signal.aborted) break;
    // Users who may list the jobs may not see every repository: the progress names none.
    progress(`${oci.location.store}: rules applied to ${applied++} repositories`);
    await Bun.sleep(0);
    const cleanup = new RepositoryCleanup(oci, repository, rule, signal, now);
    const { tags, manifests } = (await (isDryRun ? cleanup.choose() : cleanup.apply())) ?? NOTHING;
    for (const tag of tags) lines.push(`${repository}:${tag}`);
    for (const digest of manifests) lines.push(`${repository}@${digest}`);
    tagCount += tags.length;
    manifestCount += manifests.length;
  }
  return { tags: tagCount, manifests: manifestCount, lines };
}

const NOTHING = { tags: [], manifests: [] };

class RepositoryCleanup {
  readonly #oci: OciStore;
  readonly #repository: RepositoryName;
  readonly #rule: CleanupRule;
  readonly #signal: AbortSignal;
  /** Returns milliseconds since the epoch. */
  readonly #now: () => number;

  constructor(
    oci: OciStore,
    repository: RepositoryName,
    rule: CleanupRule,
    signal: AbortSignal,
    now: () => number,
  ) {
    this.#oci = oci;
    this.#repository = repository;
    this.#rule = rule;
    this.#signal = signal;
    this.#now = now;
  }

  /** Computes the plan; `undefined` if the run was cancelled. */
  async choose(): Promise<CleanupPlan | undefined> {
    const { history } = this.#oci;
    const repository = this.#repository;
    const pace = new Pace(1, this.#signal);
    const manifests = new Map<Digest, ManifestNode>();
    for (const digest of this.#oci.index.manifestsOf(repository)) {
      await pace.rest();
      if (this.#signal.aborted) return undefined;
      const manifest = parseStoredManifest(this.#oci.index.manifest(repository, digest)?.content);
      if (manifest) manifests.set(digest, { children: manifest.manifests, subject: manifest.subject });
    }
    const content = {
      tags: this.#oci.index.tagTargets(repository),
      sets: setsInOrder(history, repository),
      manifests,
      mentionedAt: (digest: Digest) => history.mentionedAt(repository, digest),
    };
    return planCleanup(this.#rule, content, Math.floor(this.#now() / 1000));
  }

  /** Plans and commits. If a concurrent push or delete changes the plan, it retries; after `MAX_ATTEMPTS` the next run does it. */
  async apply(): Promise<CleanupPlan | undefined> {
    const { history, store } = this.#oci;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await history.catchUp(this.#signal);
      const known = history.head;
      if (!known || this.#signal.aborted) return undefined;
      const before = await store.at(known);
      const plan = await this.choose();
      if (!plan || (plan.tags.length === 0 && plan.manifests.length === 0)) return plan;
      if (await this.#hasLostSome()) return undefined;
      const { changed } = await store.transact(async (parent) =>
        this.#draft((await this.#isOutdated(plan, before, parent)) ? NOTHING : plan, parent),
      );
      if (changed) return plan;
    }
    return undefined;
  }

  /** Whether the index has lost a row. Nothing is deleted then: the row may be a tag that keeps a manifest. */
  async #hasLostSome(): Promise<boolean> {
    const pace = new Pace(1, this.#signal);
    const step = async () => {
      await pace.rest();
      return !this.#signal.aborted;
    };
    const lost = await findLost(this.#oci, step, this.#repository);
    const { indexPath: path } = this.#oci.location;
    if (lost !== undefined) this.#oci.damaged({ reason: `it lacks ${lost}`, path, isMissing: true });
    return lost !== undefined || this.#signal.aborted;
  }

  /** Whether the changes between `before` (which the history knows) and `parent` invalidate the plan. */
  async #isOutdated(plan: CleanupPlan, before: Snapshot, parent: Snapshot): Promise<boolean> {
    const tags = new Set(plan.tags);
    for await (const { path, after } of this.#oci.store.diffBelow(
      repositoryPath(this.#repository),
      before,
      parent,
    )) {
      const file = parseOciPath(path);
      if (!file) continue;
      const content = after && (await parent.read(path));
      if (file.kind === "tag") {
        const target = content && digestInTag(content);
        if (tags.has(file.tag) || (!content && plan.counted.has(file.tag))) return true;
        if (target && plan.images.has(target)) return true;
      } else if (content) {
        const manifest = parseStoredManifest(content);
        const named = manifest ? [...manifest.manifests, manifest.subject] : [];
        if ([file.digest, ...named].some((digest) => digest && plan.images.has(digest))) return true;
      }
    }
    return false;
  }

  async #draft(
    { tags, manifests }: Pick<CleanupPlan, "tags" | "manifests">,
    parent: Snapshot,
  ): Promise<Draft> {
    const repository = this.#repository;
    const moves: TagMove[] = [];
    for (const tag of tags) moves.push({ tag, previous: await tagTarget(parent, repository, tag) });
    const rule = formatCleanupRule(this.#rule);
    const changes: Change[] = [
      ...tags.map((tag) => ({ path: tagPath(repository, tag), content: null })),
      ...manifests.map((digest) => ({ path: manifestPath(repository, digest), content: null })),
    ];
    return {
      changes,
      author: SYSTEM_IDENTITY,
      message: formatEvent({ kind: "cleanup", repository, tags: moves, rule }),
    };
  }
}
