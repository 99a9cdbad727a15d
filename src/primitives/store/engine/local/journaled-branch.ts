import { BranchLockedError } from "../../../fs/storage-trouble.ts";
import { CorruptObjectError } from "../../git/object.ts";
import type { ObjectId } from "../../git/object-id.ts";
import { type EncodedEntry, encodeEntry } from "../../git/pack.ts";
import type { BranchMove } from "../branch.ts";
import { CommitJournal, type JournalRecord, readJournal, recordsAfter } from "./commit-journal.ts";
import { DirectBranch } from "./direct-branch.ts";
import type { LocalObjects } from "./local-objects.ts";
import type { LocalRefs } from "./local-refs.ts";
import { MAIN_REF } from "./repository.ts";

/** How long commits may wait in the journal for stock git to see them, and how many bytes of them. */
const MAX_WAIT_MS = 100;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Bytes that may wait while others can't be shown them; beyond that nothing is published before they are. */
const MAX_UNSEEN_BYTES = 4 * MAX_WAITING_BYTES;
export const JOURNAL = "everlock-journal";

export interface JournaledBranchOptions {
  /** The store's directory, a bare repository. */
  readonly dir: string;
  readonly objects: LocalObjects;
  readonly refs: LocalRefs;
  /** Is told of commits that can't come to the branch any more, because another process moved it although it was locked. */
  readonly report: (message: string) => void;
}

/**
 * Publishes commits by a journal while many come at once: one sync of one file makes them durable, and a single pack and
 * move of the ref then show those of some time to stock git. Meanwhile the ref is locked, so that nobody else moves it.
 * After a crash, what the journal holds is brought to the branch before anything else.
 */
export class JournaledBranch {
  readonly #options: JournaledBranchOptions;
  readonly #journal: CommitJournal;
  readonly #direct: DirectBranch;
  /** Published, and seen by nobody but us yet. */
  #unseen: { readonly record: JournalRecord; readonly stored: () => void }[] = [];
  #unseenSince = 0;
  /** What the journal holds has come to the branch, and must be forgotten while the ref is still locked. */
  #isToBeCleared = false;
  /** The ref may have moved without being durable, which must not be built upon. */
  #isRefUncertain = false;

  private constructor(options: JournaledBranchOptions, journal: CommitJournal) {
    this.#options = options;
    this.#journal = journal;
    this.#direct = new DirectBranch(options.objects, options.refs);
  }

  /** For one who knows that nobody else is writing to the store. Throws `CorruptObjectError`, and has changed nothing. */
  static async open(options: JournaledBranchOptions): Promise<JournaledBranch> {
    const path = `${options.dir}/${JOURNAL}`;
    const records = readJournal(path);
    await refuseLostBranch(records, options);
    // Not before: where the journal is damaged, nobody is to move the branch.
    options.refs.breakLock(MAIN_REF);
    await bringBack(records, options);
    return new JournaledBranch(options, await CommitJournal.open(path));
  }

  async read(): Promise<ObjectId | undefined> {
    return this.#newestUnseen ?? this.#direct.read();
  }

  async publish(move: BranchMove): Promise<boolean> {
    const { refs } = this.#options;
    const { isFollowed, expected } = move;
    if (this.#journal.size > MAX_UNSEEN_BYTES) await this.flush();
    if (this.#unseen.length === 0) {
      if (this.#isToBeCleared) await this.#clear();
      if (this.#isRefUncertain && !(await this.#confirmRef())) return false;
      // One alone is seen by everybody as soon as it is durable; but objects without a branch are what a loss leaves.
      if (!isFollowed && expected) return this.#publishDirectly(move);
      if (!refs.lock(MAIN_REF)) return false;
    }
    let isPublished = false;
    try {
      isPublished = await this.#append(move);
      // What fails here is tried again with the commits that follow.
      if (isPublished && !isFollowed && !expected) await this.flush().catch(() => undefined);
      return isPublished;
    } finally {
      // A flush has unlocked it already, and stock git may have locked it since.
      if (!isPublished && !this.hasUnseen) refs.unlock(MAIN_REF);
    }
  }

  get #newestUnseen(): ObjectId | undefined {
    return this.#unseen.at(-1)?.record.next;
  }

  /** Whether something was published that stock git does not see yet. */
  get hasUnseen(): boolean {
    return this.#unseen.length > 0 || this.#isToBeCleared;
  }

  /** Whether what was published has waited long enough for stock git to see it. */
  get isFlushDue(): boolean {
    const isLate = performance.now() - this.#unseenSince > MAX_WAIT_MS;
    return this.hasUnseen && (isLate || this.#journal.size > MAX_WAITING_BYTES);
  }

  /** Lets stock git see all that was published. Not while something is being published. */
  async flush(): Promise<void> {
    if (this.#unseen.length > 0) {
      await moveBranch(
        this.#unseen.map(({ record }) => record),
        this.#options,
      );
      for (const { stored } of this.#unseen) stored();
      this.#unseen = [];
      this.#isToBeCleared = true;
    }
    if (this.#isToBeCleared) await this.#clear();
  }

  close(): void {
    this.#journal.close();
    if (this.#isToBeCleared && this.#unseen.length === 0) this.#options.refs.unlock(MAIN_REF);
  }

  /** Before anybody else can move the branch: what the journal holds must never be brought back over that. */
  async #clear(): Promise<void> {
    await this.#journal.clear();
    this.#isToBeCleared = false;
    this.#options.refs.unlock(MAIN_REF);
  }

  async #publishDirectly(move: BranchMove): Promise<boolean> {
    try {
      return await this.#direct.publish(move);
    } catch (error) {
      this.#isRefUncertain = true;
      throw error;
    }
  }

  /** Makes durable where the ref points, whoever moved it there; false if another process is about to move it. */
  async #confirmRef(): Promise<boolean> {
    const { refs } = this.#options;
    if (!refs.lock(MAIN_REF)) return false;
    try {
      const current = await refs.read(MAIN_REF);
      if (current) await refs.write(MAIN_REF, current);
      this.#isRefUncertain = false;
      return true;
    } finally {
      refs.unlock(MAIN_REF);
    }
  }

  async #append({ objects, expected, next, stored }: BranchMove): Promise<boolean> {
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

/**
 * Stores what the records hold, and moves the branch to where the last of them leads; the ref is locked. An attempt that
 * failed may have moved it already, part of the way or all of it, but not durably.
 */
async function moveBranch(
  records: readonly JournalRecord[],
  { objects, refs, report }: JournaledBranchOptions,
): Promise<void> {
  const last = records.at(-1);
  if (!last) return;
  const missing = recordsAfter(await refs.read(MAIN_REF), records);
  const entries = new Map<ObjectId, EncodedEntry>();
  for (const record of missing ?? records) for (const entry of record.entries) entries.set(entry.id, entry);
  await objects.putEntries([...entries.values()]);
  if (missing) {
    await refs.write(MAIN_REF, last.next);
    return;
  }
  const kept = `refs/heads/unmerged-${last.next.slice(0, 12)}`;
  await refs.write(kept, last.next);
  report(
    `another process moved the branch ${MAIN_REF} although it was locked; the server's commits are kept at ${kept}: merge them with git`,
  );
}

async function refuseLostBranch(
  [first]: readonly JournalRecord[],
  { refs, dir }: JournaledBranchOptions,
): Promise<void> {
  if (!first?.expected || (await refs.read(MAIN_REF)) !== undefined) return;
  // Or git could not do what is said here.
  refs.breakLock(MAIN_REF);
  const remedy = `put it back with 'git -C ${dir} update-ref ${MAIN_REF} ${first.expected}'`;
  throw new CorruptObjectError(
    `${dir}/${MAIN_REF}`,
    `it is gone, but the journal goes on from commit ${first.expected}; ${remedy}`,
  );
}

async function bringBack(records: readonly JournalRecord[], options: JournaledBranchOptions): Promise<void> {
  const { refs } = options;
  if (records.length === 0) return;
  if (!refs.lock(MAIN_REF)) throw new BranchLockedError(MAIN_REF);
  try {
    await moveBranch(records, options);
  } finally {
    refs.unlock(MAIN_REF);
  }
}
