import type { S3Location } from "../../../src/primitives/s3/s3-location.ts";
import type { Load } from "../load.ts";

/** Where the part `s3` of the benchmark runs, and how long. */
export interface S3Place {
  /** For the data directories of nodes. */
  readonly dir: string;
  /** The first of some that are free. */
  readonly port: number;
  /** Of the store, with a prefix for Everlock. */
  readonly location: S3Location;
  readonly load: Load;
  readonly rounds: number;
  /** Tags that are in the store when the nodes start. */
  readonly tags: number;
  /** An earlier executable of Everlock, to be measured as well. */
  readonly before: string | undefined;
}
