import type { NameRange } from "./name-range.ts";
import type { RepositoryName } from "./repository-name.ts";

/** What a request needs on a repository. */
export type Permission = "pull" | "push" | "delete";

/**
 * `denied`: who asks is known and may not. `unauthorized`: logging in, or another token, could help.
 */
export type Verdict = "allowed" | "denied" | "unauthorized";

/** What the one who asks may do. Decided outside; the engine only asks. */
export interface Access {
  /** Whether credentials or a token came with the request, be it a token for anybody. */
  readonly identified: boolean;
  check(permission: Permission, repository: RepositoryName): Verdict;
  /** Whether blobs of a repository may be mounted from it into another. */
  mayMountFrom(repository: RepositoryName): boolean;
  /** Whether the repositories may be listed, as far as `isListed` shows them. */
  checkCatalog(): Verdict;
  isListed(repository: RepositoryName): boolean;
  /** Where all of those lie, ascending and without overlap. */
  listedRanges(): readonly NameRange[];
}
