import type { RegistryError } from "../../../registry/requests/errors.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";
import type { ClientConnection } from "./client-connection.ts";

/** The engine's trace, and what only the frontend knows, for the access log. */
export interface HttpTrace extends RequestTrace {
  instance: string;
  user: string;
  /** The name of the upstream by which the client has selected the registry. */
  upstreamName: string | undefined;
  readonly connection: ClientConnection;
  /** The client's address: the peer's, or the one that a trusted proxy sent. */
  remote: () => string;
}

/**
 * Whether newer users, grants and registries might give the client more: for a refusal of a login, of access, or of a host
 * that no registry has, and for the list of the repositories that the client may read. The token endpoint looks by itself.
 */
export function mayBeMore({ status }: Response | RegistryError, { instance, route }: HttpTrace): boolean {
  if (route === "token") return false;
  return status === 401 || status === 403 || route === "catalog" || (status === 404 && instance === "");
}
