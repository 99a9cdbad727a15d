/** Bytes of an object, both ends included, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}
