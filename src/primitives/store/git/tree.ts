import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId } from "./object-id.ts";

/** A directory or a regular file, the only kinds of entry that a store contains. */
export type EntryKind = "tree" | "file";

export interface TreeEntry {
  readonly kind: EntryKind;
  readonly id: ObjectId;
}

/** Changed entries by name; `undefined` removes an entry. */
type Entries = ReadonlyMap<string, TreeEntry | undefined>;

const NONE: Entries = new Map();

const MODE_TREE = "40000 ";
const MODE_FILE = "100644 ";
const [DIGIT_4, SLASH] = [0x34, 0x2f];

/**
 * An immutable tree object, kept in its encoded form to save memory. A changed tree is made by copying the bytes and
 * overwriting, removing or inserting entries.
 */
export class Tree {
  static readonly EMPTY = new Tree(Buffer.alloc(0), NONE, []);
  readonly body: Buffer;
  /** The entries changed last, as a cache: the next look-up is most likely for one of them. */
  readonly #recent: Entries;
  /** The offset of each entry. */
  #starts: readonly number[] | undefined;

  private constructor(body: Buffer, recent: Entries, starts: readonly number[] | undefined) {
    this.body = body;
    this.#recent = recent;
    this.#starts = starts;
  }

  /**
   * Throws `CorruptObjectError`, also for entries that are neither directory nor regular file (stock git can commit symbolic
   * links and submodules).
   */
  static parse(bytes: Uint8Array): Tree {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const starts: number[] = [];
    for (let start = 0; start < body.length; ) {
      const end = endOf(body, start);
      if (end <= start || end > body.length) throw new CorruptObjectError("a tree", "an entry is truncated");
      checkMode(body, start);
      starts.push(start);
      start = end;
    }
    return new Tree(body, NONE, starts);
  }

  get size(): number {
    return this.#entryStarts.length;
  }

  names(): string[] {
    return this.#entryStarts.map((start) => this.#nameAt(start));
  }

  /** Names that the trees have with different entries, or that one of them lacks. Entries that are equal are not decoded. */
  differingNames(other: Tree): Set<string> {
    const names = new Set<string>();
    if (this.body.equals(other.body)) return names;
    const [mine, theirs] = [this.#entryStarts, other.#entryStarts];
    let at = entriesBefore(mine, commonStart(this.body, other.body));
    let otherAt = at;
    while (at < mine.length || otherAt < theirs.length) {
      const [start, otherStart] = [mine[at], theirs[otherAt]];
      const [end, otherEnd] = [mine[at + 1] ?? this.body.length, theirs[otherAt + 1] ?? other.body.length];
      if (start !== undefined && otherStart !== undefined) {
        if (this.body.compare(other.body, otherStart, otherEnd, start, end) === 0) {
          at++;
          otherAt++;
          continue;
        }
      }
      const order = this.#order(start, other, otherStart);
      if (start !== undefined && order <= 0) names.add(this.#nameAt(start));
      if (otherStart !== undefined && order > 0) names.add(other.#nameAt(otherStart));
      if (order <= 0) at++;
      if (order >= 0) otherAt++;
    }
    return names;
  }

  /** Below 0 if the entry at `start` comes first, above 0 if the other one does; `undefined` comes last. */
  #order(start: number | undefined, other: Tree, otherStart: number | undefined): number {
    if (start === undefined) return 1;
    if (otherStart === undefined) return -1;
    return compareKeys(this.body, start, keyOf(other.#nameAt(otherStart)), kindAt(other.body, otherStart));
  }

  get(name: string): TreeEntry | undefined {
    const recent = this.#recent.get(name);
    if (recent) return recent;
    const start = this.#find(keyOf(name));
    return start === undefined ? undefined : this.#entryAt(start);
  }

  *[Symbol.iterator](): Generator<[name: string, entry: TreeEntry]> {
    for (const start of this.#entryStarts) yield [this.#nameAt(start), this.#entryAt(start)];
  }

  /** Returns the tree with these changes. */
  with(changes: Entries): Tree {
    return this.#withIds(changes) ?? this.#withNames(changes);
  }

  /** The fast path, which only overwrites ids; `undefined` if an entry is added, removed or changes its kind. */
  #withIds(changes: Entries): Tree | undefined {
    const body = Buffer.allocUnsafe(this.body.length);
    body.set(this.body);
    for (const [name, entry] of changes) {
      const start = this.#find(keyOf(name));
      if (start === undefined || entry?.kind !== kindAt(body, start)) return undefined;
      body.write(entry.id, nameEnd(body, start) + 1, "hex");
    }
    return new Tree(body, changes, this.#starts);
  }

  #withNames(changes: Entries): Tree {
    const splices: Splice[] = [];
    for (const [name, entry] of changes) {
      const key = keyOf(name);
      const start = this.#find(key);
      if (start !== undefined) splices.push({ at: start, until: endOf(this.body, start) });
      if (!entry) continue;
      const at = this.#entryStarts[this.#countBefore(key, entry.kind)] ?? this.body.length;
      splices.push({ at, until: at, entry: { ...entry, name } });
    }
    return new Tree(spliced(this.body, splices), NONE, undefined);
  }

  get #entryStarts(): readonly number[] {
    if (!this.#starts) {
      const starts: number[] = [];
      for (let start = 0; start < this.body.length; start = endOf(this.body, start)) starts.push(start);
      this.#starts = starts;
    }
    return this.#starts;
  }

  #nameAt(start: number): string {
    return this.body.toString("utf8", nameStart(this.body, start), nameEnd(this.body, start));
  }

  #entryAt(start: number): TreeEntry {
    const idAt = nameEnd(this.body, start) + 1;
    // Cheaper than a view of these bytes.
    const id = this.body.toString("hex", idAt, idAt + OBJECT_ID_BYTES) as ObjectId;
    return { kind: kindAt(this.body, start), id };
  }

  /** The offset of the entry with that name, of either kind. */
  #find(key: Key): number | undefined {
    for (const kind of ["tree", "file"] as const) {
      const start = this.#entryStarts[this.#countBefore(key, kind)];
      if (start !== undefined && compareKeys(this.body, start, key, kind) === 0) return start;
    }
    return undefined;
  }

  /** The number of entries that sort before this one. */
  #countBefore(key: Key, kind: EntryKind): number {
    const starts = this.#entryStarts;
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.body, starts[middle] ?? 0, key, kind) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How many bytes at the start of two bodies are equal. */
function commonStart(body: Buffer, other: Buffer): number {
  let [low, high] = [0, Math.min(body.length, other.length)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (body.compare(other, low, middle, low, middle) === 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The number of entries that end before an offset. */
function entriesBefore(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** A name whose characters are its UTF-8 bytes, to compare without allocating buffers. */
type Key = string & { readonly __brand: "Key" };

function keyOf(name: string): Key {
  return (isAscii(name) ? name : Buffer.from(name).toString("latin1")) as Key;
}

function isAscii(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Replaces the bytes from `at` to `until` with an entry, or removes them. */
interface Splice {
  readonly at: number;
  readonly until: number;
  readonly entry?: TreeEntry & { readonly name: string };
}

function spliced(body: Buffer, splices: Splice[]): Buffer {
  const pieces: Buffer[] = [];
  let kept = 0;
  for (const { at, until, entry } of splices.sort(compareSplices)) {
    pieces.push(body.subarray(kept, at));
    if (entry) pieces.push(encodeEntry(entry));
    kept = until;
  }
  pieces.push(body.subarray(kept));
  return Buffer.concat(pieces);
}

/** Sorts by offset; insertions at the same offset in Git's order. */
function compareSplices(a: Splice, b: Splice): number {
  if (a.at !== b.at || !a.entry || !b.entry) return a.at - b.at || a.until - b.until;
  return compareKeys(encodeEntry(a.entry), 0, keyOf(b.entry.name), b.entry.kind);
}

function encodeEntry({ name, kind, id }: TreeEntry & { readonly name: string }): Buffer {
  const header = `${kind === "tree" ? MODE_TREE : MODE_FILE}${name}\0`;
  const headerBytes = Buffer.byteLength(header);
  const bytes = Buffer.allocUnsafe(headerBytes + OBJECT_ID_BYTES);
  bytes.write(header);
  bytes.write(id, headerBytes, "hex");
  return bytes;
}

/** Among the accepted modes, only a directory's begins with 4. */
function kindAt(body: Buffer, start: number): EntryKind {
  return body[start] === DIGIT_4 ? "tree" : "file";
}

function nameStart(body: Buffer, start: number): number {
  return start + (body[start] === DIGIT_4 ? MODE_TREE : MODE_FILE).length;
}

function nameEnd(body: Buffer, start: number): number {
  return body.indexOf(0, nameStart(body, start));
}

function endOf(body: Buffer, start: number): number {
  const end = nameEnd(body, start);
  return end < 0 ? end : end + 1 + OBJECT_ID_BYTES;
}

function checkMode(body: Buffer, start: number): void {
  const mode = body.toString("latin1", start, body.indexOf(" ", start) + 1);
  if (mode !== MODE_TREE && !(mode.startsWith("100") && mode.length === MODE_FILE.length)) {
    throw new CorruptObjectError("a tree", `mode ${mode.trim()} is neither a directory nor a regular file`);
  }
}

/**
 * Compares the entry at `start` with a name and kind. Git sorts entries by their bytes, a directory as if its name ended in
 * a slash.
 */
function compareKeys(body: Buffer, start: number, key: Key, kind: EntryKind): number {
  const at = nameStart(body, start);
  for (let i = 0; ; i++) {
    // A name ends with a zero byte and contains none.
    const isOver = body[at + i] === 0;
    const own = isOver ? finalByte(kindAt(body, start)) : (body[at + i] ?? 0);
    const other = i < key.length ? key.charCodeAt(i) : finalByte(kind);
    if (own !== other) return own - other;
    if (isOver) return 0;
  }
}

function finalByte(kind: EntryKind): number {
  return kind === "tree" ? SLASH : 0;
}
