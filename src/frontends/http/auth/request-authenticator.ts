import { type AccessClaim, TokenAccess } from "../../../backends/oci-http/access/token-access.ts";
import type { Principal } from "../../../backends/oci-http/instances/instance.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { Authenticator, Login } from "../../../primitives/users/authenticator.ts";
import type { TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import type { RoutedRequest } from "../requests/http-backend.ts";
import { parseBasicCredentials } from "./basic-credentials.ts";

const BEARER = /^bearer +(\S+)\s*$/i;

/** Turns the Authorization header into a principal. */
export class RequestAuthenticator {
  readonly #authenticator: Authenticator;
  readonly #tokens: TokenAuthority;

  constructor(authenticator: Authenticator, tokens: TokenAuthority) {
    this.#authenticator = authenticator;
    this.#tokens = tokens;
  }

  /** `challenge` makes the WWW-Authenticate header of a 401 response. */
  async principal(routed: RoutedRequest, challenge: () => string): Promise<Principal | RegistryError> {
    const header = routed.request.headers.get("Authorization");
    if (header === null) return { user: ANONYMOUS };
    // The usual request skips parsing its credentials.
    const recalled = this.#authenticator.recall(header, routed.remote);
    if (recalled) return principalOf(recalled);
    const [, token] = header.match(BEARER) ?? [];
    if (token !== undefined) return this.#bearer(routed, token);
    const credentials = parseBasicCredentials(header);
    if (!credentials) {
      return unauthorized(
        "the Authorization header has neither Basic credentials nor a Bearer token",
        challenge(),
      );
    }
    const { login, password } = credentials;
    // Without a login, podman and skopeo respond to a Basic challenge with an empty name and password.
    if (login === "" && password === "") return { user: ANONYMOUS };
    return this.login(login, password, routed, challenge, header);
  }

  /** `sent` is the text that carried the password, the key under which the login is cached. */
  async login(
    login: string,
    password: string,
    { remote, backend }: Pick<RoutedRequest, "remote" | "backend">,
    challenge: () => string,
    sent: string,
  ): Promise<Principal | RegistryError> {
    const recalled = this.#authenticator.recall(sent, remote);
    if (recalled) return principalOf(recalled);
    const place = `the registry '${backend.audience}'`;
    const attempt = { login, password, address: remote, sent, acceptsApiTokens: true, place };
    const result = await this.#authenticator.login(attempt);
    switch (result.kind) {
      case "accepted":
        return principalOf(result);
      case "refused":
        return unauthorized("wrong user name or password", challenge());
      case "limited":
        return new RegistryError("tooManyRequests", {
          message: `too many failed logins; try again in ${counted(result.retryAfterSeconds, "second")}`,
          // Clients sleep for as long, and then try again.
          headers: { "Retry-After": String(result.retryAfterSeconds) },
        });
    }
  }

  #bearer({ backend, base }: RoutedRequest, token: string): Principal | RegistryError {
    const content = this.#tokens.verify("access", token, backend.audience);
    if (!content) {
      const challenge = backend.challenge(base, undefined, "invalid_token");
      return unauthorized(
        "the token is invalid for this registry, has expired, or its user has changed",
        challenge,
      );
    }
    return { user: content.user, token: new TokenAccess(content.access as readonly AccessClaim[]) };
  }
}

function principalOf({ user, token }: Login): Principal {
  return { user: user.name, limit: token?.limit, isApiToken: token && true, ends: token?.expires };
}

function unauthorized(message: string, challenge: string): RegistryError {
  return new RegistryError("unauthorized", { message, headers: { "WWW-Authenticate": challenge } });
}
