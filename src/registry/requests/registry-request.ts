import type { Access, Permission } from "../model/access.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { RegistryStorage } from "../model/storage.ts";
import type { RegistryError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { RequestTrace } from "./trace.ts";

/** The access that a WWW-Authenticate challenge asks the client to authenticate for. */
export type ChallengeScope =
  | { readonly permission: Permission; readonly repository: RepositoryName }
  | "catalog"
  | undefined;

/** Makes the bodies of large responses; `undefined` if too many bytes wait for slow clients. */
export interface ResponseBodies {
  /** A list; it may be sent chunked, without its length. */
  list(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined;
  /** A manifest, sent with its length. The same `content` object for the same manifest shares its memory. */
  manifest(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined;
  /**
   * A body of `length` bytes whose pieces are read when the client is ready for them; it may be sent chunked. A piece has to
   * be valid only until the next one is asked for.
   */
  pieces(pieces: AsyncGenerator<Uint8Array>, length: number): Promise<Bun.BodyInit | undefined>;
}

/** One request to the engine, with all that its handler needs. */
export interface RegistryRequest {
  readonly request: Request;
  /** Percent-encoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly access: Access;
  readonly storage: RegistryStorage;
  readonly trace: RequestTrace;
  readonly limits: Limits;
  /** Why the registry is read-only, in words for the client; `undefined` if it is not. */
  readonly readOnly: string | undefined;
  /** Why pushes to a repository are refused, and only they; `undefined` if they are not. */
  refusesPushes?(repository: RepositoryName): string | undefined;
  readonly responseBodies: ResponseBodies;
  /** The client as the owner of its share of memory: a user, or the network of an anonymous client. */
  readonly client: () => string;
  /** The WWW-Authenticate header of a 401 response. */
  challenge(scope: ChallengeScope): string;
}

export type Result = Response | RegistryError;
