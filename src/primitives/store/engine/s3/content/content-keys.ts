import { type Digest, digestAlgorithm, digestHex } from "../../../../digest.ts";
import type { UploadId } from "../../upload-id.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** The keys of a store's content. */
export class ContentKeys {
  readonly #store: string;

  constructor(store: string) {
    this.#store = store;
  }

  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.blobs(digestAlgorithm(digest))}${hex.slice(0, 2)}/${hex}`;
  }

  /** Where all blobs of an algorithm are. */
  blobs(algorithm: string): string {
    return `${this.allBlobs}${algorithm}/`;
  }

  get allBlobs(): string {
    return `${this.root}blobs/`;
  }

  /** Where all of the store is. */
  get root(): string {
    return `stores/${this.#store}/`;
  }

  /** What the last look for data objects without a blob has found. */
  get sweep(): string {
    return `${this.root}unnamed`;
  }

  /** Bytes of a large blob, or of an upload; no name is ever used again. */
  data(name: string): string {
    return `${this.allData}${name}`;
  }

  get allData(): string {
    return `stores/${this.#store}/data/`;
  }

  /** How much the blobs take. */
  get totals(): string {
    return `stores/${this.#store}/sizes`;
  }

  /** When a node has last removed expired uploads. */
  get expiry(): string {
    return `stores/${this.#store}/expired`;
  }

  session(id: UploadId): string {
    return `${this.sessions}${id}`;
  }

  get sessions(): string {
    return `stores/${this.#store}/uploads/`;
  }

  /** The trace of a node that relies on a blob, by the day. */
  touch(digest: Digest, at: Date): string {
    return `${this.touches}${dayOf(at)}/${digestAlgorithm(digest)}-${digestHex(digest)}`;
  }

  get touches(): string {
    return `stores/${this.#store}/touched/`;
  }
}

/** The names of the data objects of an upload begin with this. */
export function dataPrefix(id: UploadId): string {
  return `${id}.`;
}

/** The id of the upload that a data object was written for, if it is one. */
export function uploadOf(dataName: string): string {
  return dataName.slice(0, Math.max(dataName.indexOf("."), 0));
}

/** The upload whose data object has this name. */
export function uploadOfData(name: string): string {
  return name.slice(0, Math.max(name.indexOf("."), 0));
}

export function newDataName(id: UploadId): string {
  return `${dataPrefix(id)}${newNonce()}`;
}

/** Tells a write from all others. */
export function newNonce(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

/** Days since the epoch, in a width that sorts. */
export function dayOf(at: Date): string {
  return String(Math.floor(at.getTime() / DAY_MS)).padStart(6, "0");
}
