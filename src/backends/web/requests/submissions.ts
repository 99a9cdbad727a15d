import { LruCache } from "../../../primitives/bounds/lru-cache.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";

const MAX_REMEMBERED = 2000;
const DIGEST_HEX = 32;
const NONCE_BYTES = 8;
const TOKEN = /^([0-9a-f]{32})-[0-9a-f]{16}$/;

/** Text of a preview that a user confirms: what it shows, and which showing of it. */
export function previewToken(digest: string): string {
  return `${digest.slice(0, DIGEST_HEX)}-${Buffer.from(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))).toString("hex")}`;
}

/** The digest in a token of `previewToken`; `undefined` for another text. */
export function previewDigest(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

/** How many manifests a change restores, deletes, and keeps although what named or added them goes. */
export interface ManifestCounts {
  readonly restored: number;
  readonly deleted: number;
  readonly kept: number;
}

/** What a change did. */
export interface ChangeResult {
  /** `undefined`: there was nothing to change. */
  readonly commit: ObjectId | undefined;
  readonly tags: number;
  readonly manifests: ManifestCounts;
}

/** What confirmed previews became: a form that is submitted twice is carried out once. */
export class Submissions {
  readonly #results = new LruCache<string, { readonly result: Promise<ChangeResult> }>(MAX_REMEMBERED);

  /** The result of the first call with this key; `carryOut` runs again if it failed. */
  once(key: string, carryOut: () => Promise<ChangeResult>): Promise<ChangeResult> {
    const known = this.#results.get(key);
    if (known) return known.result;
    const result = carryOut();
    this.#results.set(key, { result });
    result.catch(() => this.#results.delete(key));
    return result;
  }
}
