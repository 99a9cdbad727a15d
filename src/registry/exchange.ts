import type { RegistryError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { NameRange } from "./name-range.ts";
import type { RepositoryName } from "./repository-name.ts";
import type { RegistryStorage } from "./storage.ts";
import type { RequestTrace } from "./trace.ts";

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

/** What an unauthorized client is told to get access to. */
export type ChallengeScope =
  | { readonly permission: Permission; readonly repository: RepositoryName }
  | "catalog"
  | undefined;

/** Bodies of answers that may be long; `undefined` if too much waits for slow clients already. */
export interface Sending {
  /** Of a list; its length may not be told. */
  list(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined;
  /** Of a manifest, whose length is told; the same object each time it is the same manifest, as far as that can be. */
  manifest(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined;
}

/** One request on its way through the engine. */
export interface Exchange {
  readonly request: Request;
  /** Percent-encoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly access: Access;
  readonly storage: RegistryStorage;
  readonly trace: RequestTrace;
  readonly limits: Limits;
  /** Set for a registry that serves a past state, and takes no changes: that state's name. */
  readonly frozenAt: string | undefined;
  readonly sending: Sending;
  /** Who asks, as what clients share is divided: a user, or the network of one without a name. */
  readonly client: () => string;
  /** The WWW-Authenticate header that tells a client how to get access. */
  challenge(scope: ChallengeScope): string;
}

export type Result = Response | RegistryError;
