import { inTurns } from "../../../../jobs/in-turns.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import type { NamedObject } from "../../../git/object.ts";
import { encodeEntry, packSteps } from "../../../git/pack.ts";
import { packIndexSteps } from "../../../packs/pack-index.ts";
import type { DatedLink } from "../../links.ts";
import type { StoreHistory, StoreTarget } from "../../storage-target.ts";
import type { RecordSegment, StoredPack } from "../log/checkpoint.ts";
import { CheckpointObject } from "../log/checkpoint-object.ts";
import { LogKeys } from "../log/log-keys.ts";
import { RecordSegments } from "../log/record-segments.ts";
import { writeStoredRefs } from "../stored-refs.ts";
import { CopyTakenOverError } from "./copy-taken-over.ts";
import type { S3BlobTarget } from "./s3-blob-target.ts";

const SEGMENT_LINKS = 100_000;
/** How long a pack may take (ms). */
const PACK_TIMEOUT_MS = 600_000;

/** A store in a bucket that no node uses. Its history becomes a checkpoint, as of a log whose entries were all merged. */
export class S3StoreTarget implements StoreTarget {
  readonly blobs: S3BlobTarget | undefined;
  readonly #bucket: S3Bucket;
  readonly #store: string;
  readonly #segmentLinks: number;
  readonly #keys: LogKeys;

  /** `segmentLinks`: how many links are in an object, and in memory. */
  constructor(
    bucket: S3Bucket,
    store: string,
    blobs: S3BlobTarget | undefined,
    segmentLinks = SEGMENT_LINKS,
  ) {
    this.#segmentLinks = segmentLinks;
    this.#bucket = bucket;
    this.#store = store;
    this.#keys = new LogKeys(store);
    this.blobs = blobs;
  }

  async putHistory({ head, otherRefs, objects, links }: StoreHistory): Promise<void> {
    const object = new CheckpointObject(this.#bucket, this.#keys.checkpoint);
    const before = await object.read();
    const packs = await this.#putObjects(objects);
    const segments = await this.#putLinks(links);
    await writeStoredRefs(this.#bucket, this.#store, otherRefs);
    // A node starts after the last entry that the checkpoint stands for.
    const last = Math.max(segments.at(-1)?.to ?? 0, packs.length > 0 ? 1 : 0);
    const nonce = crypto.randomUUID();
    const next = { nonce, last, head, packs, segments, history: [], copies: {} };
    // A process that was suspended meanwhile must not replace what others have written since.
    if (!(await object.replace(before, next))) throw new CopyTakenOverError(this.#keys.checkpoint);
  }

  /** Packs have the names of their content, so that an earlier copy's are found again. */
  async #putObjects(groups: StoreHistory["objects"]): Promise<readonly StoredPack[]> {
    const sizes = new Map<string, number>();
    for await (const page of this.#bucket.list(this.#keys.packs))
      for (const { key, size } of page) sizes.set(key, size);
    const packs: StoredPack[] = [];
    for await (const group of groups) packs.push(await this.#putPack(group, sizes));
    return packs;
  }

  async #putPack(group: readonly NamedObject[], sizes: ReadonlyMap<string, number>): Promise<StoredPack> {
    const pack = await inTurns(packSteps(group.map(encodeEntry)));
    const index = await inTurns(packIndexSteps(pack.entries, pack.checksum));
    const name = `copied-${pack.checksum.toHex()}`;
    for (const [suffix, bytes] of [
      ["idx", index],
      ["pack", pack.bytes],
    ] as const) {
      const key = this.#keys.pack(name, suffix);
      if (sizes.get(key) === bytes.length) continue;
      await this.#bucket.put(key, new Uint8Array(bytes), { timeoutMs: PACK_TIMEOUT_MS });
    }
    return { name, bytes: pack.bytes.length, objects: group.length };
  }

  /** As if each entry of the log had made many links. */
  async #putLinks(pages: StoreHistory["links"]): Promise<readonly RecordSegment[]> {
    const writer = new RecordSegments(this.#bucket, this.#keys);
    let segments: readonly RecordSegment[] = [];
    let links: DatedLink[] = [];
    let number = 0;
    const write = async () => {
      number++;
      const records = links.map(({ linkedAt, ...link }) => ({
        kind: "link" as const,
        ...link,
        seconds: linkedAt,
      }));
      links = [];
      segments = await writer.append(segments, records, number, number);
    };
    for await (const page of pages) {
      links.push(...page);
      if (links.length >= this.#segmentLinks) await write();
    }
    if (links.length > 0) await write();
    return segments;
  }
}
