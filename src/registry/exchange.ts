import type { RegistryError } from "./errors.ts";
import type { RepositoryName } from "./repository-name.ts";
import type { RegistryStorage } from "./storage.ts";

/** What the one who asks may do. Decided outside; the engine only asks. */
export interface Access {
  readonly anonymous: boolean;
  mayPull(repository: RepositoryName): boolean;
  mayPush(repository: RepositoryName): boolean;
  mayDelete(repository: RepositoryName): boolean;
}

/** One request on its way through the engine. */
export interface Exchange {
  readonly request: Request;
  /** Percent-encoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly access: Access;
  readonly storage: RegistryStorage;
  /** The WWW-Authenticate header that tells an anonymous client how to log in. */
  readonly challenge: string;
}

export type Result = Response | RegistryError;
