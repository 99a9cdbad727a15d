import type { Release } from "../../release.ts";

/** A file that nobody changes until it is released. */
export interface StillFile {
  readonly path: string;
  release(): void;
}

/** Names a derived database of a store, and the version of its tables. */
export interface DerivedDatabase {
  readonly store: string;
  readonly database: string;
}

/** Copies of databases that nodes derive from the commits, for nodes that start without them. */
export interface DerivedCopies {
  /** Brings the newest copy to `path`, where there is no file; false if there is none that can be used. */
  fetch(of: DerivedDatabase, path: string): Promise<boolean>;
  /**
   * `source` is asked for the file whenever a new copy is worth its bytes, until the returned function is called; `undefined`
   * where it lacks commits.
   */
  offer(of: DerivedDatabase, source: () => Promise<StillFile | undefined>): Release;
}
