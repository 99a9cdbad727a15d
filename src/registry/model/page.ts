/** Which part of a sorted list a client wants: up to `limit` entries after `last`. */
export interface PageRequest {
  readonly last: string;
  readonly limit: number;
}

export interface Page<T> {
  readonly entries: readonly T[];
  readonly more: boolean;
}
