/** Is told how far a transfer is. */
export interface TransferWatch {
  /** Bytes of blobs that have just been copied; negative for those of a blob that must be copied again. */
  copied(bytes: number): void;
  /** The storage fails, and is tried again after so many milliseconds. */
  pausing(error: Error, ms: number): void;
}
