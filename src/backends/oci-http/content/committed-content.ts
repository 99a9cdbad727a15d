import { digestAlgorithm, digestOf } from "../../../primitives/digest.ts";
import { type MonotonicClock, monotonicMs } from "../../../primitives/monotonic-clock.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoredManifest } from "../../../registry/model/storage.ts";
import type { Reference } from "../../../registry/model/tag.ts";
import { manifestPath } from "./layout.ts";
import { tagTarget } from "./tag-target.ts";

/** Content read from the commits, for use when the index is damaged; much slower than the index. */
export interface CommittedContent {
  manifest(repository: RepositoryName, reference: Reference): Promise<StoredManifest | undefined>;
}

/** Reads the state that `snapshot` returns at each call. */
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
    // Stock git may have committed any bytes under this digest.
    if (!content || digestOf(content, digestAlgorithm(digest)) !== digest) return undefined;
    const manifest = parseStoredManifest(content);
    return manifest && { digest, mediaType: manifest.mediaType, content: new Uint8Array(content) };
  }
}

/** Index misses per second and thread that are also looked up in the commits; bounds the load that a client can cause. */
const CHECKED_MISSES_PER_SECOND = 20;

/** Limits how many index misses are looked up in the commits, which finds an index that has lost rows. */
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
