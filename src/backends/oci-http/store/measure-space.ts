import type { Database } from "bun:sqlite";
import { type Digest, digestToBytes } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { BlobUsers } from "../index/blob-users.ts";
import { bytesOf, type RepositoryUsage } from "./measure-repositories.ts";
import type { OciStore } from "./oci-store.ts";

/** What the blobs that manifests name take, and what sharing saves. */
export interface NamedSpace {
  /** The largest first. */
  readonly repositories: readonly RepositoryUsage[];
  /** Bytes of all blobs that manifests name, each once. */
  readonly namedBytes: number;
  /** Bytes that would be stored beside these if every manifest had its own copy of each blob. */
  readonly savedBytes: number;
}

/**
 * Measures the repositories of the newest state by the sizes that the summaries know, so that no blob is looked at. In short
 * slices; rejects with the signal's reason once that is aborted.
 */
export async function measureNamed(
  { blobUsers }: { readonly blobUsers: BlobUsers },
  summaries: Database,
  signal: AbortSignal,
): Promise<NamedSpace> {
  const pace = new Pace(3, signal);
  const known = new KnownSizes(summaries);
  const uses = new Map<number, { readonly counts: Counts; own: number; shared: number }>();
  for (const { id, ...counts } of blobUsers.repositories()) {
    await pace.rest();
    signal.throwIfAborted();
    uses.set(id, { counts, own: 0, shared: 0 });
  }
  let [namedBytes, savedBytes] = [0, 0];
  for (const { blob, repositories } of blobUsers.blobs()) {
    await pace.rest();
    signal.throwIfAborted();
    let [bytes, copies] = [0, 0];
    for (const id of repositories) {
      const use = uses.get(id);
      const found = use && known.of(use.counts.repository, blob);
      if (!found) continue;
      bytes = found.size;
      copies += found.uses;
      if (repositories.length === 1) use.own += bytes;
      else use.shared += bytes;
    }
    namedBytes += bytes;
    savedBytes += bytes * Math.max(0, copies - 1);
  }
  const measured = [...uses.values()].map(({ counts, own, shared }) => ({
    ...counts,
    ownBytes: own,
    sharedBytes: shared,
  }));
  return {
    repositories: measured.sort((a, b) => bytesOf(b) - bytesOf(a) || (a.repository < b.repository ? -1 : 1)),
    namedBytes,
    savedBytes,
  };
}

type Counts = Omit<RepositoryUsage, "ownBytes" | "sharedBytes">;

/** Sizes of blobs in the summaries. */
class KnownSizes {
  readonly #db: Database;
  readonly #ids = new Map<string, number | undefined>();

  constructor(db: Database) {
    this.#db = db;
  }

  of(repository: string, blob: Digest): { readonly size: number; readonly uses: number } | undefined {
    if (!this.#ids.has(repository)) this.#ids.set(repository, this.#idOf(repository));
    const id = this.#ids.get(repository);
    if (id === undefined) return undefined;
    const sql = "SELECT size, uses FROM blobs WHERE repository = ? AND digest = ?";
    const query = this.#db.query<{ size: number; uses: number }, [number, Buffer]>(sql);
    return query.get(id, digestToBytes(blob)) ?? undefined;
  }

  #idOf(repository: string): number | undefined {
    const sql = "SELECT id FROM repositories WHERE name = ?";
    return this.#db.query<{ id: number }, [string]>(sql).get(repository)?.id;
  }
}

/**
 * Bytes of the stored blobs by the day (UTC) on which they came; `undefined` where a look at each costs a request. Rejects with
 * the signal's reason once that is aborted.
 */
export async function bytesByDay(
  { blobs }: Pick<OciStore, "blobs">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | undefined> {
  if (blobs.total) return undefined;
  const byDay = new Map<string, number>();
  const pace = new Pace(3, signal);
  for await (const page of blobs.list()) {
    for (const digest of page) {
      await pace.rest();
      signal.throwIfAborted();
      const stat = await blobs.stat(digest);
      if (!stat) continue;
      const day = stat.placed.toISOString().slice(0, 10);
      byDay.set(day, (byDay.get(day) ?? 0) + stat.size);
    }
  }
  return byDay;
}
