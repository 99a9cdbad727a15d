import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { CorruptObjectError } from "../../../git/object.ts";
import { parseUploadId } from "../../upload-id.ts";
import { listedSegments, parseBlobObject } from "./blob-object.ts";
import { type ContentKeys, uploadOf } from "./content-keys.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Data objects are looked at once they are so old. */
const LEAST_AGE_MS = 2 * DAY_MS;
/** The time between two looks at a store, which costs a request for each blob. */
const LOOK_EVERY_MS = 7 * DAY_MS;
/** How often a node asks whether a look is due. */
const ASK_EVERY_MS = 6 * 60 * 60 * 1000;
/** Objects of blobs that name data objects are smaller, in bytes. */
const MAX_NAMING_BYTES = 1024 * 1024;
/** Data objects of one look; of more, the next looks find the others. */
const MAX_NAMES = 100_000;
/** Objects that are asked for at once. */
const WIDTH = 16;

/** What a look found: no blob names these data objects, and they belong to no session. */
interface Look {
  /** When it was, by the store's clock. */
  readonly at: number;
  readonly names: readonly string[];
}

interface SweptContent {
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  /** The store's clock. */
  readonly now: () => Date;
}

/**
 * Deletes data objects that nobody will ever ask for, such as one that a node completes which hung until its session was gone.
 * Two looks, a week apart, must find that no blob names one and that its session is gone. A blob that names an object is made
 * before the session of that object is removed, so sessions are looked at first.
 */
export class DataSweep {
  readonly #content: SweptContent;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(content: SweptContent) {
    this.#content = content;
  }

  /** Looks if it is time to. Resolves with the number of objects that were deleted. */
  async run(): Promise<number> {
    try {
      return await this.#look();
    } catch (error) {
      // A blob does not say what it names, so nothing is deleted; who reads or checks the blob reports it.
      if (error instanceof CorruptObjectError) return 0;
      throw error;
    }
  }

  async #look(): Promise<number> {
    const { bucket, keys, now } = this.#content;
    const time = now().getTime();
    if (time - this.#asked < ASK_EVERY_MS) return 0;
    this.#asked = time;
    const before = await this.#lastLook();
    if (before && time - before.at < LOOK_EVERY_MS) return 0;
    const unnamed = await this.#unnamed(time);
    if (unnamed === undefined) return 0;
    const doomed = (before?.names ?? []).filter((name) => unnamed.delete(name));
    await bucket.removeAll(doomed.map((name) => keys.data(name)));
    const look: Look = { at: time, names: [...unnamed] };
    await bucket.put(keys.sweep, new Uint8Array(Buffer.from(JSON.stringify(look))));
    return doomed.length;
  }

  async #lastLook(): Promise<Look | undefined> {
    const { bucket, keys } = this.#content;
    const found = await bucket.read(keys.sweep);
    return found && parseLook(Buffer.from(found.bytes).toString());
  }

  /** `undefined` if there are none that are old enough. */
  async #unnamed(time: number): Promise<Set<string> | undefined> {
    const { bucket, keys } = this.#content;
    const unnamed = new Set<string>();
    for await (const page of bucket.list(keys.allData)) {
      for (const { key, modified } of page)
        if (time - modified.getTime() > LEAST_AGE_MS && unnamed.size < MAX_NAMES)
          unnamed.add(key.slice(keys.allData.length));
    }
    if (unnamed.size === 0) return undefined;
    await this.#withoutSessions(unnamed);
    if (unnamed.size > 0) await this.#withoutNamed(unnamed);
    return unnamed;
  }

  async #withoutSessions(names: Set<string>): Promise<void> {
    const { bucket, keys } = this.#content;
    const sessions = new Set<string>();
    for await (const page of bucket.list(keys.sessions))
      for (const { key } of page) sessions.add(key.slice(keys.sessions.length));
    for (const name of names) {
      const upload = parseUploadId(uploadOf(name));
      // What has another name was not written by this version.
      if (upload === undefined || sessions.has(upload)) names.delete(name);
    }
  }

  async #withoutNamed(names: Set<string>): Promise<void> {
    const { bucket, keys } = this.#content;
    for await (const page of bucket.list(keys.allBlobs)) {
      const naming = page.filter(({ size }) => size <= MAX_NAMING_BYTES);
      for (let from = 0; from < naming.length; from += WIDTH) {
        const some = naming.slice(from, from + WIDTH);
        const named = await Promise.all(some.map(({ key }) => this.#namedBy(key)));
        for (const name of named.flat()) names.delete(name);
      }
    }
  }

  async #namedBy(key: string): Promise<readonly string[]> {
    const { bucket } = this.#content;
    const object = await bucket.head(key);
    if (!object) return [];
    const { place } = parseBlobObject(object);
    if (place === "here" || place === "kept") return [];
    if (place !== "list") return [place.name];
    const read = await bucket.read(key);
    // It was changed meanwhile.
    if (read && parseBlobObject(read).place !== "list") return this.#namedBy(key);
    return read ? listedSegments(read.bytes, key).map(({ name }) => name) : [];
  }
}

/** `undefined` for what is none: then it is as if nobody had looked. */
function parseLook(text: string): Look | undefined {
  try {
    const { at, names } = JSON.parse(text) as { readonly at?: unknown; readonly names?: unknown };
    const areNames = Array.isArray(names) && names.every((name) => typeof name === "string");
    return typeof at === "number" && areNames ? { at, names } : undefined;
  } catch {
    return undefined;
  }
}
