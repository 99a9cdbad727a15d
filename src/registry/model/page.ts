/** A page of a sorted list: up to `limit` entries after `last`. */
export interface PageRequest {
  readonly last: string;
  readonly limit: number;
}

export interface Page<T> {
  readonly entries: readonly T[];
  readonly more: boolean;
}
