import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import type { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { CommittedContent } from "../content/committed-content.ts";
import { type Damage, damageOf } from "../content/damage.ts";
import { type OciFile, parseOciPath, repositoryPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { HistoryIndex } from "../history/history-index.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import { recallRepositories } from "./former-repositories.ts";
import type { ViewLocation } from "./view-location.ts";

/** Delay of the first audit after the start, and of each further one (ms). */
const FIRST_MS = 60_000;
const EVERY_MS = 24 * 60 * 60 * 1000;
/** Ratio of resting time to working time. */
const REST_PER_WORK = 9;

interface Audited {
  readonly store: Store;
  readonly derived: Pick<DerivedIndex, "head">;
  readonly index: OciIndexReader;
  readonly committed: CommittedContent;
}

interface Healing extends Audited {
  readonly location: Pick<ViewLocation, "indexPath">;
  readonly history: Pick<HistoryIndex, "catchUp" | "repositories">;
  readonly derived: Pick<ReplaceableIndex, "head" | "addScopes">;
  damaged(damage: Damage): void;
}

/** Compares the index of a store with the commits a minute after the start and then once a day, in the background. */
export class IndexAuditor {
  readonly #oci: Healing;
  readonly #failed: (error: unknown) => void;
  readonly #closing = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  /** `failed` is called with the error of an audit that failed; the next one is a day later. */
  constructor(oci: Healing, failed: (error: unknown) => void) {
    this.#oci = oci;
    this.#failed = failed;
    this.#schedule(FIRST_MS);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#run().finally(() => {
        if (!this.#closing.signal.aborted) this.#schedule(EVERY_MS);
      });
    }, ms).unref();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const pace = new Pace(REST_PER_WORK, signal);
    const step = async () => {
      await pace.rest();
      return !signal.aborted;
    };
    const path = this.#oci.location.indexPath;
    try {
      const lost = await findLost(this.#oci, step);
      if (lost !== undefined) this.#oci.damaged({ reason: `it lacks ${lost}`, path, isMissing: true });
      else await this.#recall(signal);
    } catch (error) {
      const damage = damageOf(error);
      if (damage) this.#oci.damaged({ path, ...damage });
      else if (!signal.aborted) this.#failed(error);
    }
  }

  /** Damage of the history is not of the index; the history is rebuilt by itself. */
  async #recall(signal: AbortSignal): Promise<void> {
    try {
      await recallRepositories(this.#oci, signal);
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }
}

/**
 * Looks up everything that the newest commit holds (in one repository, if given) in the index, as requests do. Returns the
 * first thing that the index has lost; row checksums do not show this, as a damaged page can skip rows. `step` is called
 * between files and may wait; false ends the search.
 */
export async function findLost(
  oci: Audited,
  step: () => Promise<boolean>,
  repository?: RepositoryName,
): Promise<string | undefined> {
  const { commitId } = oci.store.head();
  if (!commitId) return undefined;
  const below = repository === undefined ? "" : `${repositoryPath(repository)}/`;
  const enters = (directory: string) =>
    below.startsWith(`${directory}/`) || `${directory}/`.startsWith(below);
  for await (const { path } of oci.store.walk().diff(undefined, commitId, enters)) {
    if (!(await step())) return undefined;
    const file = parseOciPath(path);
    if (!file || (repository !== undefined && file.repository !== repository)) continue;
    const lost = missingRowOf(oci, file);
    if (lost !== undefined && (await isStillLost(oci, file))) return lost;
  }
  return undefined;
}

/** The row that the index lacks for a file, in words; `undefined` if it lacks none. */
function missingRowOf({ index }: Pick<Audited, "index">, file: OciFile): string | undefined {
  const { repository } = file;
  if (file.kind === "tag")
    return index.tagDigest(repository, file.tag) ? undefined : `the tag ${repository}:${file.tag}`;
  const stored = index.manifest(repository, file.digest);
  if (!stored) return `the manifest ${repository}@${file.digest}`;
  const manifest = parseStoredManifest(stored.content);
  if (!manifest) return undefined;
  const blob = manifest.blobs.find((named) => !index.refersToBlob(repository, named));
  if (blob) return `that ${repository}@${file.digest} names ${blob}`;
  const isReferrer = !manifest.subject || index.hasReferrer(repository, manifest.subject, file.digest);
  return isReferrer ? undefined : `that ${repository}@${file.digest} refers to ${manifest.subject}`;
}

/** Whether the index is up to date and still lacks a file that is still committed. */
async function isStillLost(oci: Audited, file: OciFile): Promise<boolean> {
  const isCommitted = await isIn(oci, file);
  const isUpToDate = oci.derived.head === oci.store.head().commitId;
  return isCommitted && isUpToDate && missingRowOf(oci, file) !== undefined && (await isIn(oci, file));
}

async function isIn({ store, committed }: Audited, file: OciFile): Promise<boolean> {
  const { repository } = file;
  const found =
    file.kind === "tag"
      ? await tagTarget(store.head(), repository, file.tag)
      : await committed.manifest(repository, { kind: "digest", digest: file.digest });
  return found !== undefined;
}
