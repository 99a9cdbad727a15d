import type { AccessClaim } from "../../../backends/oci-http/access/token-access.ts";
import type { ChallengeFault } from "../../../backends/oci-http/instances/challenge.ts";
import type { IncomingRequest, Principal } from "../../../backends/oci-http/instances/instance.ts";
import type { ChallengeScope } from "../../../registry/requests/registry-request.ts";
import type { RequestTrace } from "../../../registry/requests/trace.ts";

/** A service that is reached by host name. */
export interface HttpBackend {
  /** Its name, for whom its tokens are meant. */
  readonly audience: string;
  handle(incoming: IncomingRequest): Promise<Response>;
  /** The WWW-Authenticate header for who is not let in; `origin` as the client used it. */
  challenge(origin: string, scope?: ChallengeScope, fault?: ChallengeFault): string;
  /** What a token for `principal` may open, of the scopes asked for. */
  claimsFor(principal: Principal, scopes: readonly string[]): readonly AccessClaim[];
}

/** A request that has found its backend. */
export interface RoutedRequest {
  readonly request: Request;
  /** Percent-encoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly backend: HttpBackend;
  readonly trace: RequestTrace;
  /** Scheme, host and port as the client used them. */
  readonly origin: string;
  /** The client's address, without port. */
  remote(): string;
}
