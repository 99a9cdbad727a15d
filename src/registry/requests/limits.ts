import type { Room } from "./bounded-body.ts";

/** What a client may bring. */
export interface Limits {
  readonly manifestBytes: number;
  readonly blobBytes: number | undefined;
  /** For manifests while they come in and are stored. */
  readonly manifestRoom: Room;
  /** Lets the body of an upload in; the answer is called when it is over. `undefined`: too many are coming in already. */
  beginUpload(): (() => void) | undefined;
}
