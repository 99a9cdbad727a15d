import type { NameRange } from "./name-range.ts";
import type { RepositoryName } from "./repository-name.ts";

/** The right that a request needs on a repository. */
export type Permission = "pull" | "push" | "delete";

/** `denied`: the client is authenticated and lacks the right. `unauthorized`: a login or another token could help. */
export type Verdict = "allowed" | "denied" | "unauthorized";

/** The rights of the client that sent a request. The caller of the engine implements it. */
export interface Access {
  /** Whether the request carried credentials or a token, even one for `anon`. */
  readonly identified: boolean;
  check(permission: Permission, repository: RepositoryName): Verdict;
  /** Whether the client may mount this repository's blobs into another. */
  mayMountFrom(repository: RepositoryName): boolean;
  /** Whether the client may list repositories; it sees those that pass `isListed`. */
  checkCatalog(): Verdict;
  isListed(repository: RepositoryName): boolean;
  /** Ranges that contain every listed name, ascending and without overlap. */
  listedRanges(): readonly NameRange[];
}
