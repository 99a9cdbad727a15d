import type { AccessClaim, RequestedAccess } from "../../../backends/oci-http/access/token-access.ts";
import type { ChallengeFault } from "../../../backends/oci-http/instances/challenge.ts";
import type { IncomingRequest, Principal } from "../../../backends/oci-http/instances/instance.ts";
import type { ChallengeScope } from "../../../registry/requests/registry-request.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";

/** A service behind a host name. */
export interface HttpBackend {
  /** The audience claim of its tokens: its name. */
  readonly audience: string;
  handle(incoming: IncomingRequest): Promise<Response>;
  /** The WWW-Authenticate header of a 401 response; `base` is that of the request. */
  challenge(base: string, scope?: ChallengeScope, fault?: ChallengeFault): string;
  /** The requested access that the principal has, as claims of a token. */
  claimsFor(principal: Principal, requested: RequestedAccess): readonly AccessClaim[];
}

/** A request whose backend is known. */
export interface RoutedRequest {
  readonly request: Request;
  /** Percent-encoded, without query and without the path prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly backend: HttpBackend;
  readonly trace: RequestTrace;
  /** Scheme, host, port and path prefix that the client used. */
  readonly base: string;
  /** The client's address, without port. */
  remote(): string;
}
