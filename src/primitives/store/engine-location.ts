import type { S3Storage } from "../s3/s3-storage.ts";

/** A data directory of this machine, which one process uses at a time. */
export interface LocalLocation {
  readonly kind: "local";
  readonly dataDir: string;
}

/** A bucket that many nodes use. */
export interface S3EngineLocation extends S3Storage {
  readonly kind: "s3";
  /** A directory of this node for what it derives and caches, which may be lost at any moment. */
  readonly dataDir: string;
  /** The name of this node, which no other node has. */
  readonly node: string;
  /** Threads of this process that take uploads, and share the memory for them; default: one. */
  readonly uploadThreads?: number;
}

/** Which engine keeps the stores, and where, as plain data that threads hand to each other. */
export type EngineLocation = LocalLocation | S3EngineLocation;
