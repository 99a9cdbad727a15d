import type { S3Location } from "./s3-location.ts";
import type { S3Memory } from "./s3-memory.ts";

export interface S3CacheLocation {
  readonly dir: string;
  /** Most bytes of all files. */
  readonly bytes: number;
  /** Memory of the `CacheCounts`, which the threads of a node share. */
  readonly counts: SharedArrayBuffer;
}

/** How a node uses an object store: plain data that threads hand to each other. */
export interface S3Storage {
  readonly bucket: S3Location;
  /** Shared by the threads of a node; without it, each client is on its own. */
  readonly memory?: S3Memory;
  /** A credentials file of AWS's tools; without it, see `credentialSource`. */
  readonly credentialsFile: string | undefined;
  /** See `S3ClientOptions`. */
  readonly ca?: string | undefined;
  /** How old what clients read may be, in milliseconds. */
  readonly maxAgeMs: number;
  /** Where this node keeps blobs that are often read. */
  readonly cache: S3CacheLocation | undefined;
  /** Clients are sent to the object store for blobs of more bytes. */
  readonly redirectAbove: number | undefined;
  /** See `BlobStore`; only for tests, and the same on all nodes then. */
  readonly minGraceSeconds?: number;
}
