import { ExpectedError } from "../../../primitives/expected-error.ts";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import {
  isObjectType,
  type NamedObject,
  nameObject,
  type ObjectType,
} from "../../../primitives/store/git/object.ts";
import { type ObjectId, parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { isRecord } from "../../../primitives/text/records.ts";

/** Incremented when the format of pages changes. */
const FORMAT = 1;
/** Most bytes of a page as it is sent. */
export const MAX_PAGE_BYTES = 64 * 1024 * 1024;
/** Most bytes of a page when it is decompressed: an object that is larger than a page comes alone. */
const MAX_RAW_BYTES = 96 * 1024 * 1024;
/** Most objects of a page: each costs memory, however small it is. */
export const MAX_PAGE_OBJECTS = 100_000;
const MAX_HEAD_BYTES = 64 * 1024;
/** How long objects are hashed before the event loop runs once (ms). */
const TURN_MS = 2;
const LENGTH_BYTES = 4;
const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];

/** What a page of the history says besides its objects. */
export interface PageHead {
  /** The newest commit of the primary. */
  readonly head: ObjectId;
  /** The commit that the page follows; `undefined`: the beginning. */
  readonly from: ObjectId | undefined;
  /** The commit to which the page leads; `undefined`: it ends within a commit. */
  readonly to: ObjectId | undefined;
  /** Where it ends within a commit: how many objects there were since `from`. */
  readonly skip: number;
  /** Commits after `from`, up to `to`, along first parents. */
  readonly commits: number;
  /** Commits that follow `to`. */
  readonly remaining: number;
}

export interface HistoryPage extends PageHead {
  readonly objects: readonly NamedObject[];
}

/** What a page has of an object; the reader computes the id. */
export interface PagedObject {
  readonly type: ObjectType;
  readonly body: Uint8Array;
}

/** The primary sent what is no page of a history. */
export class InvalidPageError extends ExpectedError {
  override readonly name = "InvalidPageError";
  override readonly kind = "unavailable";
  constructor(reason: string) {
    super(`it sent what is no page of a history: ${reason}`);
  }
}

/** A length and JSON, then each object as its type, length and bytes; all of it compressed with Zstandard. */
export async function encodePage(
  head: PageHead,
  objects: readonly PagedObject[],
): Promise<Uint8Array<ArrayBuffer>> {
  const json = Buffer.from(JSON.stringify({ format: FORMAT, objects: objects.length, ...head }));
  const size = objects.reduce(
    (sum, { body }) => sum + 1 + LENGTH_BYTES + body.length,
    LENGTH_BYTES + json.length,
  );
  const raw = Buffer.allocUnsafe(size);
  raw.writeUInt32BE(json.length);
  raw.set(json, LENGTH_BYTES);
  let at = LENGTH_BYTES + json.length;
  for (const { type, body } of objects) {
    raw[at] = TYPES.indexOf(type);
    raw.writeUInt32BE(body.length, at + 1);
    raw.set(body, at + 1 + LENGTH_BYTES);
    at += 1 + LENGTH_BYTES + body.length;
  }
  return new Uint8Array(await Bun.zstdCompress(raw));
}

/** Rejects with `InvalidPageError`. */
export async function decodePage(bytes: Uint8Array<ArrayBuffer>): Promise<HistoryPage> {
  const raw = await decompressed(bytes);
  const objectsAt = raw.length < LENGTH_BYTES ? raw.length + 1 : LENGTH_BYTES + raw.readUInt32BE();
  if (objectsAt > raw.length) throw new InvalidPageError("it is too short");
  if (objectsAt > MAX_HEAD_BYTES) throw new InvalidPageError("its head is too large");
  const { head, count } = headOf(raw.toString("utf8", LENGTH_BYTES, objectsAt));
  const objects: NamedObject[] = [];
  if (count > MAX_PAGE_OBJECTS) throw new InvalidPageError("it has too many objects");
  let at = objectsAt;
  for (let turned = performance.now(); at < raw.length; ) {
    if (objects.length === count) throw new InvalidPageError("it has more objects than it says");
    if (performance.now() - turned > TURN_MS) {
      await nextTurn();
      turned = performance.now();
    }
    const from = at + 1 + LENGTH_BYTES;
    const end = from > raw.length ? Number.POSITIVE_INFINITY : from + raw.readUInt32BE(at + 1);
    const type = TYPES[raw[at] ?? TYPES.length];
    if (end > raw.length || type === undefined || !isObjectType(type))
      throw new InvalidPageError("an object is cut off");
    objects.push(nameObject(type, raw.subarray(from, end)));
    at = end;
  }
  if (objects.length !== count) throw new InvalidPageError("objects are missing");
  return { ...head, objects };
}

async function decompressed(bytes: Uint8Array<ArrayBuffer>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("zstd"));
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > MAX_RAW_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    throw new InvalidPageError("it can't be decompressed");
  }
  if (size > MAX_RAW_BYTES) throw new InvalidPageError("it is too large");
  return Buffer.concat(chunks);
}

function headOf(text: string): { readonly head: PageHead; readonly count: number } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InvalidPageError("its head is no JSON");
  }
  if (!isRecord(json)) throw new InvalidPageError("its head is no object");
  if (json["format"] !== FORMAT)
    throw new InvalidPageError(`its format is ${String(json["format"])}, and this version reads ${FORMAT}`);
  const id = (key: string) => {
    const value = json[key];
    if (value === undefined) return undefined;
    const parsed = typeof value === "string" ? parseObjectId(value) : undefined;
    if (!parsed) throw new InvalidPageError(`'${key}' is no commit`);
    return parsed;
  };
  const number = (key: string) => {
    const value = json[key];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw new InvalidPageError(`'${key}' is no number`);
    return value;
  };
  const head = id("head");
  if (!head) throw new InvalidPageError("'head' is missing");
  const commits = { commits: number("commits"), remaining: number("remaining") };
  return {
    head: { head, from: id("from"), to: id("to"), skip: number("skip"), ...commits },
    count: number("objects"),
  };
}
