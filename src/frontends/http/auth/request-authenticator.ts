import { type AccessClaim, TokenAccess } from "../../../backends/oci-http/access/token-access.ts";
import type { Principal } from "../../../backends/oci-http/instances/instance.ts";
import type { Authenticator, Login } from "../../../primitives/users/authenticator.ts";
import type { TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { ANONYMOUS } from "../../../primitives/users/user.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import type { RoutedRequest } from "../requests/http-backend.ts";
import { parseBasicCredentials } from "./basic-credentials.ts";

/** Clients sleep as long as they are told to, so they are told to come again rather than how long it may take. */
const MAX_RETRY_AFTER_SECONDS = 5;
const BEARER = /^bearer +(\S+)\s*$/i;

/** Turns the Authorization header into who is asking. */
export class RequestAuthenticator {
  readonly #authenticator: Authenticator;
  readonly #tokens: TokenAuthority;

  constructor(authenticator: Authenticator, tokens: TokenAuthority) {
    this.#authenticator = authenticator;
    this.#tokens = tokens;
  }

  /** `challenge` is what the client is told when its credentials are not good. */
  async principal(routed: RoutedRequest, challenge: () => string): Promise<Principal | RegistryError> {
    const header = routed.request.headers.get("Authorization");
    if (header === null) return { user: ANONYMOUS };
    // Spares the usual request reading them.
    const recalled = this.#authenticator.recall(header, routed.remote);
    if (recalled) return principalOf(recalled);
    const [, token] = header.match(BEARER) ?? [];
    if (token !== undefined) return this.#tokenHolder(routed, token);
    const credentials = parseBasicCredentials(header);
    if (!credentials) {
      return unauthorized(
        "the Authorization header holds neither Basic credentials nor a token",
        challenge(),
      );
    }
    const { login, password } = credentials;
    // podman and skopeo without a login answer a Basic challenge with an empty name and password.
    if (login === "" && password === "") return { user: ANONYMOUS };
    return this.login(login, password, routed, challenge, header);
  }

  /** `sent` is the text that the password came in. */
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
          message: `too many failed logins; try again in ${result.retryAfterSeconds} seconds`,
          headers: { "Retry-After": String(Math.min(result.retryAfterSeconds, MAX_RETRY_AFTER_SECONDS)) },
        });
    }
  }

  #tokenHolder({ backend, origin }: RoutedRequest, token: string): Principal | RegistryError {
    const content = this.#tokens.verify("access", token, backend.audience);
    if (!content) {
      const challenge = backend.challenge(origin, undefined, "invalid_token");
      return unauthorized("the token is not valid here, has expired, or its user has changed", challenge);
    }
    return { user: content.user, token: new TokenAccess(content.access as readonly AccessClaim[]) };
  }
}

function principalOf({ user, token }: Login): Principal {
  return { user: user.name, limit: token?.limit, ends: token?.expires };
}

function unauthorized(message: string, challenge: string): RegistryError {
  return new RegistryError("unauthorized", { message, headers: { "WWW-Authenticate": challenge } });
}
