import { digestAlgorithm, digestOf } from "../../../primitives/digest.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoredManifest } from "../../../registry/model/storage.ts";
import type { Reference } from "../../../registry/model/tag.ts";
import { manifestPath } from "./layout.ts";
import { tagTarget } from "./tag-target.ts";

/** What the commits themselves say, for when the index can't be relied on; it costs much more to ask. */
export interface CommittedContent {
  manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined>;
}

/** Reads the state that `snapshot` gives at the moment of the question. */
export class SnapshotContent implements CommittedContent {
  readonly #snapshot: () => Snapshot | Promise<Snapshot>;

  constructor(snapshot: () => Snapshot | Promise<Snapshot>) {
    this.#snapshot = snapshot;
  }

  async manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined> {
    const snapshot = await this.#snapshot();
    const digest =
      reference.kind === "digest" ? reference.digest : await tagTarget(snapshot, repository, reference.tag);
    const content = digest && (await snapshot.read(manifestPath(repository, digest)));
    // Stock git may have committed anything under the name of a digest.
    if (!content || digestOf(content, digestAlgorithm(digest)) !== digest) return undefined;
    const manifest = parseStoredManifest(content);
    return manifest && { digest, mediaType: manifest.mediaType, content: new Uint8Array(content) };
  }
}

/** Misses in the index that are looked up in the commits as well, a second and thread. A stranger can cause no more of them. */
const CHECKED_MISSES_PER_SECOND = 20;

/** Which of the things that the index lacks are to be looked up in the commits, to notice an index that has lost some. */
export class MissChecks {
  readonly #now: MonotonicClock;
  #since = Number.NEGATIVE_INFINITY;
  #left = 0;

  constructor(now: MonotonicClock = monotonicMs) {
    this.#now = now;
  }

  admit(): boolean {
    const now = this.#now();
    if (now - this.#since >= 1000) {
      this.#since = now;
      this.#left = CHECKED_MISSES_PER_SECOND;
    }
    return this.#left-- > 0;
  }
}
