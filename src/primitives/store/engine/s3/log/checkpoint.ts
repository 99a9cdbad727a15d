import { CorruptObjectError } from "../../../git/object.ts";
import { type ObjectId, parseObjectId } from "../../../git/object-id.ts";
import { NewerFormatError } from "./log-entry.ts";

/** A pack in the object store, which never changes. */
export interface StoredPack {
  /** Never used again for another one. */
  readonly name: string;
  readonly bytes: number;
  readonly objects: number;
}

/** The records of merged entries, of which each scope and digest has the last one. */
export interface RecordSegment {
  readonly name: string;
  /** The numbers of the first and the last entry that it stands for. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** An earlier checkpoint. */
export interface PastCheckpoint {
  readonly last: number;
  /** When it was written, by the store's clock, in milliseconds since the epoch. */
  readonly written: number;
}

/** A copy of a database that nodes derive from the commits. */
export interface IndexCopy {
  readonly key: string;
  /** How many Git objects the store had when it was made. */
  readonly objects: number;
  /** As it lies in the object store. */
  readonly bytes: number;
  /** See `Checkpoint`. */
  readonly made?: number;
}

/** All that the entries of the log up to `last` consist of. It replaces them for nodes that start. */
export interface Checkpoint {
  /** A value that no other version of the checkpoint has. */
  readonly nonce: string;
  /** By the store's clock, in milliseconds since the epoch. Earlier versions do not write it. */
  readonly made?: number;
  readonly last: number;
  readonly head: ObjectId | undefined;
  /** The newest ones are the last. */
  readonly packs: readonly StoredPack[];
  /** In the order of the log. */
  readonly segments: readonly RecordSegment[];
  /** Oldest first; see `deletableUpTo`. */
  readonly history: readonly PastCheckpoint[];
  /** By the name of the database, which includes the version of its tables. */
  readonly copies: Readonly<Record<string, IndexCopy>>;
}

export const EMPTY_CHECKPOINT: Checkpoint = {
  nonce: "",
  last: 0,
  head: undefined,
  packs: [],
  segments: [],
  history: [],
  copies: {},
};

const FORMAT = 1;
const HOUR_MS = 3_600_000;
/** How long after a checkpoint that contains them entries stay. */
const KEPT_MS = 24 * HOUR_MS;

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const head = checkpoint.head ?? null;
  return new Uint8Array(Buffer.from(JSON.stringify({ format: FORMAT, ...checkpoint, head })));
}

/** `subject` names it in errors. */
export function decodeCheckpoint(bytes: Uint8Array, subject: string): Checkpoint {
  let parsed: Omit<Checkpoint, "head"> & { readonly format: number; readonly head: string | null };
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new CorruptObjectError(subject, `it is no JSON (${cause})`);
  }
  const { format, head, ...rest } = parsed;
  if (format !== FORMAT) throw new NewerFormatError(subject);
  const commit = head === null ? undefined : parseObjectId(head);
  if (head !== null && commit === undefined) throw new CorruptObjectError(subject, "its commit has no id");
  return { ...rest, head: commit };
}

/** The checkpoints before `next`, with the one that it replaces: as many as are needed to know what is old enough. */
export function historyAfter(replaced: Checkpoint, written: Date): readonly PastCheckpoint[] {
  if (replaced.last === 0) return [];
  const newest = { last: replaced.last, written: written.getTime() };
  // One an hour; what lies between is deleted with the next one.
  const spaced = replaced.history.filter(
    (past, i) => i === 0 || past.written - (replaced.history[i - 1]?.written ?? 0) >= HOUR_MS,
  );
  const firstNeeded = spaced.findLastIndex((past) => past.written <= newest.written - KEPT_MS);
  return [...spaced.slice(Math.max(firstNeeded, 0)), newest];
}

/** The last entry that may be deleted at this time of the store's clock: one that a checkpoint has contained for 24 hours. */
export function deletableUpTo({ history }: Checkpoint, now: Date): number {
  return history.findLast(({ written }) => written <= now.getTime() - KEPT_MS)?.last ?? 0;
}
