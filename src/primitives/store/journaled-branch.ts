import { CommitJournal, type JournalRecord, readJournal, recordsAfter } from "./commit-journal.ts";
import { DirectBranch } from "./direct-branch.ts";
import type { LocalObjects } from "./git/local-objects.ts";
import type { LocalRefs } from "./git/local-refs.ts";
import type { ObjectId } from "./git/object-id.ts";
import { type EncodedEntry, encodeEntry } from "./git/pack.ts";
import { MAIN_REF } from "./git/repository.ts";
import type { Branch, Publication } from "./objects.ts";

/** How long commits may wait in the journal for stock git to see them, and how many bytes of them. */
const MAX_WAIT_MS = 100;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const JOURNAL = "everlock-journal";

export interface JournaledBranchOptions {
  /** The store's directory, a bare repository. */
  readonly dir: string;
  readonly objects: LocalObjects;
  readonly refs: LocalRefs;
  /** Hears of commits that can't come to the branch any more, because somebody moved it in spite of its lock. */
  readonly report: (message: string) => void;
}

/**
 * Publishes commits by a journal while many come at once: one sync of one file makes them durable, and a single pack and
 * move of the ref then show those of some time to stock git. Meanwhile the ref is locked, so that nobody else moves it.
 * After a crash, what the journal holds is brought to the branch before anything else.
 */
export class JournaledBranch implements Branch {
  readonly #options: JournaledBranchOptions;
  readonly #journal: CommitJournal;
  readonly #direct: DirectBranch;
  /** Published, and seen by nobody but us yet. */
  #unseen: { readonly record: JournalRecord; readonly stored: () => void }[] = [];
  #unseenSince = 0;

  private constructor(options: JournaledBranchOptions, journal: CommitJournal) {
    this.#options = options;
    this.#journal = journal;
    this.#direct = new DirectBranch(options.objects, options.refs);
  }

  /** For one who knows that nobody else is writing to the store. */
  static async open(options: JournaledBranchOptions): Promise<JournaledBranch> {
    const path = `${options.dir}/${JOURNAL}`;
    options.refs.breakLock(MAIN_REF);
    await bringBack(readJournal(path), options);
    return new JournaledBranch(options, await CommitJournal.open(path));
  }

  async read(): Promise<ObjectId | undefined> {
    return this.#newestUnseen ?? this.#direct.read();
  }

  async publish(publication: Publication): Promise<boolean> {
    const { refs } = this.#options;
    if (this.#unseen.length === 0) {
      // One alone is seen by everybody as soon as it is durable; but objects without a branch are what a loss leaves.
      if (!publication.isFollowed && publication.expected) return this.#direct.publish(publication);
      if (!refs.lock(MAIN_REF)) return false;
    }
    try {
      const isPublished = await this.#append(publication);
      // What fails here is tried again with the commits that follow.
      if (isPublished && !publication.isFollowed && !publication.expected)
        await this.flush().catch(() => undefined);
      return isPublished;
    } finally {
      if (this.#unseen.length === 0) refs.unlock(MAIN_REF);
    }
  }

  get #newestUnseen(): ObjectId | undefined {
    return this.#unseen.at(-1)?.record.next;
  }

  get hasUnseen(): boolean {
    return this.#unseen.length > 0;
  }

  get isFlushDue(): boolean {
    const isLate = performance.now() - this.#unseenSince > MAX_WAIT_MS;
    return this.hasUnseen && (isLate || this.#journal.size > MAX_WAITING_BYTES);
  }

  async flush(): Promise<void> {
    if (!this.hasUnseen) return;
    const { refs } = this.#options;
    await moveBranch(
      this.#unseen.map(({ record }) => record),
      this.#options,
    );
    for (const { stored } of this.#unseen) stored();
    this.#unseen = [];
    // Before anybody else can move the branch: what the journal holds must never be brought back over that.
    await this.#journal.clear();
    refs.unlock(MAIN_REF);
  }

  close(): void {
    this.#journal.close();
  }

  async #append({ objects, expected, next, stored }: Publication): Promise<boolean> {
    // Without waiting where it is known: the disk is to be at work when this returns.
    const current = this.#newestUnseen ?? (await this.#direct.read());
    if (current !== expected) return false;
    const record = { expected, next, entries: objects.map(encodeEntry) };
    await this.#journal.append(record);
    if (this.#unseen.length === 0) this.#unseenSince = performance.now();
    this.#unseen.push({ record, stored });
    return true;
  }
}

/** Stores what the records hold, and moves the branch to where the last of them leads; the ref is locked. */
async function moveBranch(
  records: readonly JournalRecord[],
  { objects, refs, report }: JournaledBranchOptions,
): Promise<void> {
  const [first, last] = [records[0], records.at(-1)];
  if (!first || !last) return;
  const entries = new Map<ObjectId, EncodedEntry>();
  for (const record of records) for (const entry of record.entries) entries.set(entry.id, entry);
  await objects.putEntries([...entries.values()]);
  if ((await refs.read(MAIN_REF)) === first.expected) {
    await refs.write(MAIN_REF, last.next);
    return;
  }
  const kept = `refs/heads/unmerged-${last.next.slice(0, 12)}`;
  await refs.write(kept, last.next);
  report(
    `the branch ${MAIN_REF} was moved in spite of its lock; the commits that it should have got are at ${kept}`,
  );
}

async function bringBack(records: readonly JournalRecord[], options: JournaledBranchOptions): Promise<void> {
  const { refs } = options;
  if (!refs.lock(MAIN_REF)) throw new Error(`the branch ${MAIN_REF} is locked by another process`);
  try {
    const missing = recordsAfter(await refs.read(MAIN_REF), records);
    await moveBranch(missing ?? records, options);
  } finally {
    refs.unlock(MAIN_REF);
  }
}
