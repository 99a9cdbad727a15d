import { CorruptObjectError } from "./object.ts";
import { OBJECT_ID_BYTES, type ObjectId, objectIdFromBytes } from "./object-id.ts";

/** A directory or a regular file: the only two kinds of entry that a store writes. */
export type EntryKind = "tree" | "file";

export interface TreeEntry {
  readonly kind: EntryKind;
  readonly id: ObjectId;
}

/** Entries by name; `undefined` where there is to be none. */
type Entries = ReadonlyMap<string, TreeEntry | undefined>;

const MODE_TREE = "40000";
const MODE_FILE = "100644";
const decoder = new TextDecoder();

/** Where an entry lies in a tree's encoding, in bytes. */
interface Place {
  readonly kind: EntryKind;
  readonly start: number;
  readonly idAt: number;
}

/**
 * One directory, kept as it is encoded, in Git's order: a successor in which only ids differ is a copy of the bytes with
 * those written over, and shares the table of names.
 */
export class Tree {
  static readonly EMPTY = new Tree(new Uint8Array(), new Map(), new Map());
  readonly body: Uint8Array;
  readonly #places: ReadonlyMap<string, Place>;
  /** Entries as they were given, which are most likely to be asked for next: the way to what was changed last. */
  readonly #given: Entries;

  private constructor(body: Uint8Array, places: ReadonlyMap<string, Place>, given: Entries) {
    this.body = body;
    this.#places = places;
    this.#given = given;
  }

  /**
   * Entries that are neither directory nor regular file (links, submodules: stock git can commit them) are refused.
   * Throws `CorruptObjectError`.
   */
  static parse(body: Uint8Array): Tree {
    const places = new Map<string, Place>();
    let start = 0;
    while (start < body.length) {
      const nul = body.indexOf(0, start);
      const end = nul + 1 + OBJECT_ID_BYTES;
      if (nul < 0 || end > body.length) throw new CorruptObjectError("a tree", "an entry is cut off");
      const header = decoder.decode(body.subarray(start, nul));
      const space = header.indexOf(" ");
      places.set(header.slice(space + 1), { kind: kindOf(header.slice(0, space)), start, idAt: nul + 1 });
      start = end;
    }
    return new Tree(body, places, new Map());
  }

  get size(): number {
    return this.#places.size;
  }

  names(): Iterable<string> {
    return this.#places.keys();
  }

  get(name: string): TreeEntry | undefined {
    const given = this.#given.get(name);
    if (given) return given;
    const place = this.#places.get(name);
    return place && this.#entry(place);
  }

  *[Symbol.iterator](): Generator<[name: string, entry: TreeEntry]> {
    for (const [name, place] of this.#places) yield [name, this.#entry(place)];
  }

  /** The tree with other entries at some names, or none where it is `undefined`. */
  with(changes: Entries): Tree {
    return this.#withIds(changes) ?? this.#withNames(changes);
  }

  #entry({ kind, idAt }: Place): TreeEntry {
    return { kind, id: objectIdFromBytes(this.body.subarray(idAt, idAt + OBJECT_ID_BYTES)) };
  }

  /** `undefined` if a name comes, goes or becomes another kind. */
  #withIds(changes: Entries): Tree | undefined {
    for (const [name, entry] of changes) if (this.#places.get(name)?.kind !== entry?.kind) return undefined;
    const body = Buffer.from(this.body);
    for (const [name, entry] of changes) {
      const place = this.#places.get(name);
      if (place && entry) body.write(entry.id, place.idAt, "hex");
    }
    return new Tree(body, this.#places, changes);
  }

  #withNames(changes: Entries): Tree {
    const kept = [...this.#places].filter(([name]) => !changes.has(name));
    const pieces = kept.map(([name, { kind, start, idAt }]): Piece => {
      return { name, kind, bytes: this.body.subarray(start, idAt + OBJECT_ID_BYTES) };
    });
    for (const [name, entry] of changes) if (entry) insert(pieces, encodePiece(name, entry));
    const places = new Map<string, Place>();
    let start = 0;
    for (const { name, kind, bytes } of pieces) {
      const end = start + bytes.length;
      places.set(name, { kind, start, idAt: end - OBJECT_ID_BYTES });
      start = end;
    }
    return new Tree(Buffer.concat(pieces.map(({ bytes }) => bytes)), places, changes);
  }
}

/** An encoded entry. */
interface Piece {
  readonly name: string;
  readonly kind: EntryKind;
  readonly bytes: Uint8Array;
}

function encodePiece(name: string, { kind, id }: TreeEntry): Piece {
  const header = `${kind === "tree" ? MODE_TREE : MODE_FILE} ${name}\0`;
  const headerBytes = Buffer.byteLength(header);
  const bytes = Buffer.allocUnsafe(headerBytes + OBJECT_ID_BYTES);
  bytes.write(header);
  bytes.write(id, headerBytes, "hex");
  return { name, kind, bytes };
}

function insert(pieces: Piece[], piece: Piece): void {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = pieces[middle];
    if (other && isBefore(other, piece)) low = middle + 1;
    else high = middle;
  }
  pieces.splice(low, 0, piece);
}

/** Git orders entries by their bytes, a directory as if its name ended in a slash. */
function isBefore(a: Piece, b: Piece): boolean {
  const [left, right] = [keyOf(a), keyOf(b)];
  // Strings compare by UTF-16 units, which is the same for nearly all names, and cheaper.
  if (isPlain(left) && isPlain(right)) return left < right;
  return Buffer.compare(Buffer.from(left), Buffer.from(right)) < 0;
}

/** Without surrogates, whose order in UTF-16 is another than in UTF-8. */
function isPlain(name: string): boolean {
  return !/[\ud800-\udfff]/.test(name);
}

function keyOf({ name, kind }: Piece): string {
  return kind === "tree" ? `${name}/` : name;
}

function kindOf(mode: string): EntryKind {
  if (mode === MODE_TREE) return "tree";
  if (mode.startsWith("100")) return "file";
  throw new CorruptObjectError("a tree", `mode ${mode} is neither a directory nor a regular file`);
}
