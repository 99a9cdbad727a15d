import { DIGEST_ALGORITHMS } from "../../../../digest.ts";
import type { S3Bucket } from "../../../../s3/s3-bucket.ts";
import { isRecord } from "../../../../text/records.ts";
import type { BlobTotal } from "../../blobs.ts";
import { type Leases, parseLeaseName } from "../../leases.ts";
import { scopeHash } from "../../upload-id.ts";
import { type ContentKeys, uploadOfData } from "./content-keys.ts";

/** A count is so old before a node begins another one, by the store's clock. */
const MAX_AGE_MS = 60 * 60 * 1000;
/** Pause and number of looks for the first count of another node. */
const LOOK_MS = 1000;
const MAX_LOOKS = 60;

export interface BlobTotalsOptions {
  readonly bucket: S3Bucket;
  readonly keys: ContentKeys;
  readonly store: string;
  readonly leases: Leases;
  /** Names this node to the others. */
  readonly node: string;
}

/**
 * How much the blobs of a store take. One node counts them, by listing what is there, and writes the result for the others: a
 * look at each blob, by each node, would be millions of requests.
 */
export class BlobTotals {
  readonly #options: BlobTotalsOptions;

  constructor(options: BlobTotalsOptions) {
    this.#options = options;
  }

  /** The newest count; an older one, or `undefined`, while another node counts. `step` throws if the count must end. */
  async read(step: () => void): Promise<BlobTotal | undefined> {
    for (let look = 1; ; look++) {
      const known = await this.#read();
      if (known && known.ageMs < MAX_AGE_MS) return known;
      const counted = await this.#countAlone(step);
      if (counted || known || look >= MAX_LOOKS) return counted ?? known;
      await Bun.sleep(LOOK_MS);
      step();
    }
  }

  async #read(): Promise<BlobTotal | undefined> {
    const { bucket, keys } = this.#options;
    const found = await bucket.read(keys.totals);
    if (!found) return undefined;
    const ageMs = bucket.client.storeTime.getTime() - found.modified.getTime();
    const { blobs, bytes, days } = JSON.parse(Buffer.from(found.bytes).toString());
    // An earlier version counted no days.
    if (!isRecord(days)) return undefined;
    const addedBytes = new Map(Object.entries(days).map(([day, added]) => [day, Number(added)]));
    return { blobs: Number(blobs), bytes: Number(bytes), addedBytes, ageMs: Math.max(ageMs, 0) };
  }

  /** `undefined` if another node does it. */
  async #countAlone(step: () => void): Promise<BlobTotal | undefined> {
    const { bucket, keys, store, leases, node } = this.#options;
    const name = parseLeaseName(`sizes-${scopeHash(store)}`);
    if (name === undefined) throw new Error(`no lease has the name of the store '${store}'`);
    const outcome = await leases.acquire(name, node);
    if (outcome.kind === "held") return undefined;
    try {
      const total = await this.#count(step);
      const written = { blobs: total.blobs, bytes: total.bytes, days: Object.fromEntries(total.addedBytes) };
      await bucket.put(keys.totals, new Uint8Array(Buffer.from(JSON.stringify(written))));
      return { ...total, ageMs: 0 };
    } finally {
      await outcome.lease.release();
    }
  }

  async #count(step: () => void): Promise<Omit<BlobTotal, "ageMs">> {
    const { bucket, keys } = this.#options;
    // What open uploads hold is no blob yet.
    const open = new Set<string>();
    for await (const page of bucket.list(keys.sessions))
      for (const { key } of page) open.add(key.slice(keys.sessions.length));
    let [blobs, bytes] = [0, 0];
    const addedBytes = new Map<string, number>();
    const add = ({ size, modified }: { readonly size: number; readonly modified: Date }) => {
      const day = modified.toISOString().slice(0, 10);
      bytes += size;
      addedBytes.set(day, (addedBytes.get(day) ?? 0) + size);
    };
    for (const algorithm of DIGEST_ALGORITHMS) {
      for await (const page of bucket.list(keys.blobs(algorithm))) {
        step();
        blobs += page.length;
        for (const object of page) add(object);
      }
    }
    for await (const page of bucket.list(keys.allData)) {
      step();
      for (const object of page)
        if (!open.has(uploadOfData(object.key.slice(keys.allData.length)))) add(object);
    }
    return { blobs, bytes, addedBytes };
  }
}
