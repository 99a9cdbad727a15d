import type { Access, Permission } from "../model/access.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { RegistryStorage } from "../model/storage.ts";
import type { RegistryError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { RequestTrace } from "./trace.ts";

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
export interface RegistryRequest {
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
