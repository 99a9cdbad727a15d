/** What a client may bring. */
export interface Limits {
  readonly manifestBytes: number;
  readonly blobBytes: number | undefined;
  /** Lets the body of an upload in; the answer is called when it is over. `undefined`: too many are coming in already. */
  beginUpload(): (() => void) | undefined;
}
