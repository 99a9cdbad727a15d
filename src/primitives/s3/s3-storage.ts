import type { S3Location } from "./s3-location.ts";

/** How a node uses an object store: plain data that threads hand to each other. */
export interface S3Storage {
  readonly bucket: S3Location;
  /** A credentials file of AWS's tools; without it, the keys are in the environment. */
  readonly credentialsFile: string | undefined;
  /** How old what clients read may be, in milliseconds. */
  readonly maxAgeMs: number;
}
