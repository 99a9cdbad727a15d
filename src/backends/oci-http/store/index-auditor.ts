import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { CommittedContent } from "../content/committed-content.ts";
import { type Damage, damageOf } from "../content/damage.ts";
import { type OciFile, parseOciPath, repositoryPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";
import type { ViewLocation } from "./view-location.ts";

/** When an index is looked through after the start, and how long after that again (ms). */
const FIRST_MS = 60_000;
const EVERY_MS = 24 * 60 * 60 * 1000;
/** It rests so many times as long as it works. */
const REST_PER_WORK = 9;

interface Audited {
  readonly store: Store;
  readonly derived: Pick<DerivedIndex, "head">;
  readonly index: OciIndexReader;
  readonly committed: CommittedContent;
}

interface Healing extends Audited {
  readonly location: Pick<ViewLocation, "indexPath">;
  damaged(damage: Damage): void;
}

/** Looks through the index of a store a minute after the start and then once a day, beside everything else. */
export class IndexAuditor {
  readonly #oci: Healing;
  readonly #failed: (error: unknown) => void;
  readonly #closing = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  /** `failed` is called with the error when it could not be done; it is tried again the next day. */
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
    } catch (error) {
      const damage = damageOf(error);
      if (damage) this.#oci.damaged({ path, ...damage });
      else if (!signal.aborted) this.#failed(error);
    }
  }
}

/**
 * Looks up in the index, as requests do, all that the newest commit holds, or holds of one repository. Answers something
 * that the index has lost, which no sum of a row tells: a damaged page can lead past rows that are there. `step` is called
 * between files; it may wait, and false ends the search.
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
    const lost = lackedOf(oci, file);
    if (lost !== undefined && (await isStillLost(oci, file))) return lost;
  }
  return undefined;
}

/** What the index lacks of a file. */
function lackedOf({ index }: Pick<Audited, "index">, file: OciFile): string | undefined {
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

/** Whether the index, told all that is committed by now, lacks what is still committed. */
async function isStillLost(oci: Audited, file: OciFile): Promise<boolean> {
  const isCommitted = await isIn(oci, file);
  const isTold = oci.derived.head === oci.store.head().commitId;
  return isCommitted && isTold && lackedOf(oci, file) !== undefined && (await isIn(oci, file));
}

async function isIn({ store, committed }: Audited, file: OciFile): Promise<boolean> {
  const { repository } = file;
  const found =
    file.kind === "tag"
      ? await tagTarget(store.head(), repository, file.tag)
      : await committed.manifest(repository, { kind: "digest", digest: file.digest });
  return found !== undefined;
}
