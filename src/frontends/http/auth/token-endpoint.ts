import type { OtherNodes } from "../../../backends/administration/configuration-follower.ts";
import { isLess, parseScopes } from "../../../backends/oci-http/access/token-access.ts";
import { challengeOf } from "../../../backends/oci-http/instances/challenge.ts";
import type { Principal } from "../../../backends/oci-http/instances/instance.ts";
import { SharedBudget } from "../../../primitives/bounds/shared-budget.ts";
import { networkOf } from "../../../primitives/net/client-network.ts";
import type { TokenAuthority } from "../../../primitives/users/token-authority.ts";
import { withBoundedBody } from "../../../registry/requests/bounded-body.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import { jsonResponse } from "../../../registry/requests/json-response.ts";
import type { RoutedRequest } from "../requests/http-backend.ts";
import { HTTP_FAULTS } from "../requests/http-faults.ts";
import type { RequestAuthenticator } from "./request-authenticator.ts";

/** Enough for name, password and scopes; the head of a GET has the same limit. */
const MAX_FORM_BYTES = 16 * 1024;
/** Maximal bytes of forms that one thread receives at the same time. */
const FORM_BUDGET = 32 * 1024 * 1024;
/** Maximal repositories of one token, which must fit a header. Clients request theirs and those they mount from. */
const MAX_REPOSITORIES = 32;

/** What a request is answered, and whether a newer state of users and grants might grant more. */
interface Outcome {
  readonly response: Response | RegistryError;
  readonly isLess: boolean;
}

const refused = (response: RegistryError): Outcome => ({ response, isLess: response.status === 401 });

/**
 * Issues tokens (Docker registry token authentication: GET with Basic credentials or anonymous, POST with OAuth2). A
 * Bearer challenge names this endpoint. The token grants the requested scopes that its user has.
 */
export class TokenEndpoint {
  readonly #authenticator: RequestAuthenticator;
  readonly #tokens: TokenAuthority;
  readonly #others: OtherNodes | undefined;
  readonly #forms = new SharedBudget(FORM_BUDGET);

  constructor(authenticator: RequestAuthenticator, tokens: TokenAuthority, others: OtherNodes | undefined) {
    this.#authenticator = authenticator;
    this.#tokens = tokens;
    this.#others = others;
  }

  async handle(routed: RoutedRequest): Promise<Response | RegistryError> {
    switch (routed.request.method) {
      case "GET":
        return this.#newest(() => this.#get(routed));
      case "POST":
        return this.#post(routed);
      default:
        return new RegistryError("methodNotAllowed", { headers: { Allow: "GET, POST" } });
    }
  }

  /** Another node may have changed users and grants: it is asked before less is granted than was requested. */
  async #newest(attempt: () => Promise<Outcome>): Promise<Response | RegistryError> {
    const others = this.#others;
    const version = others?.version;
    const outcome = await attempt();
    if (!others || !outcome.isLess) return outcome.response;
    await others.refresh();
    return others.version === version ? outcome.response : (await attempt()).response;
  }

  async #get(routed: RoutedRequest): Promise<Outcome> {
    const challenge = challengeOf("Basic", routed.base);
    const principal = await this.#authenticator.principal(routed, () => challenge);
    if (principal instanceof RegistryError) return refused(principal);
    if (principal.token) {
      return refused(
        new RegistryError("unauthorized", {
          message: "a token is issued for a user name and password, not for another token",
          headers: { "WWW-Authenticate": challenge },
        }),
      );
    }
    return this.#grant(routed, principal, routed.query);
  }

  async #post(routed: RoutedRequest): Promise<Response | RegistryError> {
    const form = await withBoundedBody(
      routed.request,
      MAX_FORM_BYTES,
      this.#forms.open(networkOf(routed.remote())),
      async (body) => new URLSearchParams(new TextDecoder().decode(body)),
    );
    if (form === "too-long")
      return new RegistryError(HTTP_FAULTS.formInvalid, { message: "the form is longer than 16 KiB" });
    if (form === "over-budget")
      return new RegistryError("tooManyBodies", { headers: { "Retry-After": "5" } });
    return this.#newest(() => this.#issue(routed, form));
  }

  async #issue(routed: RoutedRequest, form: URLSearchParams): Promise<Outcome> {
    const principal = await this.#formPrincipal(routed, form);
    if (principal instanceof RegistryError) return refused(principal);
    // A refresh token carries only the user, so it would escape an API token's grants and expiry.
    const isUnlimited = !principal.limit && principal.ends === undefined;
    const refresh =
      isUnlimited && form.get("access_type") === "offline" && form.get("grant_type") === "password"
        ? { refresh_token: this.#tokens.issueRefresh(principal.user, routed.backend.audience) }
        : {};
    return this.#grant(routed, principal, form, refresh);
  }

  async #formPrincipal(routed: RoutedRequest, form: URLSearchParams): Promise<Principal | RegistryError> {
    const challenge = challengeOf("Basic", routed.base);
    switch (form.get("grant_type")) {
      case "password": {
        const [login, password] = [form.get("username") ?? "", form.get("password") ?? ""];
        const sent = `${login}\0${password}`;
        return this.#authenticator.login(login, password, routed, () => challenge, sent);
      }
      case "refresh_token": {
        const token = form.get("refresh_token") ?? "";
        const content = this.#tokens.verify("refresh", token, routed.backend.audience);
        if (content) return { user: content.user };
        return new RegistryError("unauthorized", {
          message:
            "the refresh token is invalid for this registry, has expired, or its user's password has changed",
          headers: { "WWW-Authenticate": challenge },
        });
      }
      default:
        return new RegistryError(HTTP_FAULTS.formInvalid);
    }
  }

  #grant(
    { backend }: RoutedRequest,
    principal: Principal,
    parameters: URLSearchParams,
    more: Readonly<Record<string, string>> = {},
  ): Outcome {
    const requested = parseScopes(parameters.getAll("scope"));
    if (requested.repositories.size > MAX_REPOSITORIES)
      return refused(new RegistryError(HTTP_FAULTS.repositoriesTooMany));
    const claims = backend.claimsFor(principal, requested);
    const { token, seconds } = this.#tokens.issueAccess(
      principal.user,
      backend.audience,
      claims,
      principal.ends,
    );
    const body = {
      token,
      access_token: token,
      token_type: "Bearer",
      expires_in: seconds,
      issued_at: new Date().toISOString(),
      scope: claims.map(({ type, name, actions }) => `${type}:${name}:${actions.join(",")}`).join(" "),
      ...more,
    };
    const headers = { "Cache-Control": "no-store" };
    return { response: jsonResponse(body, { headers }), isLess: isLess(claims, requested) };
  }
}
