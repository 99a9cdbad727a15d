import { parseChallenges } from "./challenge.ts";
import type { Exchange } from "./exchange.ts";
import { parseRealm, type TokenRealm } from "./token-realm.ts";
import { basicAuthorization, isIdentityToken, type TokenRequest, Tokens } from "./tokens.ts";
import { UpstreamFault } from "./upstream-answer.ts";
import type { UpstreamCredentialSource, UpstreamCredentials } from "./upstream-credentials.ts";
import type { UpstreamUrl } from "./upstream-url.ts";

/** How upstream wants requests to be authorized, as its last challenge said. */
type Method =
  | { readonly kind: "basic" }
  | { readonly kind: "bearer"; readonly realm: TokenRealm; readonly service: string | undefined };

export interface AuthorizerOptions {
  readonly upstream: UpstreamUrl;
  readonly exchange: Exchange;
  readonly credentials: UpstreamCredentialSource | undefined;
  /** An origin, see `UpstreamOptions.realm`. */
  readonly realm: string | undefined;
}

/** In characters, of what a challenge says of service and scope. */
const MAX_TEXT = 1024;

/** Makes the Authorization header of requests to upstream's own origin. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens: Tokens;
  #method: Method | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.exchange);
  }

  /** By what is known of upstream; `undefined` before its first challenge, and where none is needed. Rejects with `UpstreamFault`. */
  async authorization(scope: string): Promise<string | undefined> {
    return this.#method && this.#authorize(this.#method, scope, await this.#credentials(false));
  }

  /**
   * After a 401 to a request with `refused`: another authorization, if there is one to try. `wereRefused`: one that was new was
   * refused, so that only newer credentials can help.
   */
  async renewed(
    challenge: string | undefined,
    scope: string,
    refused: string | undefined,
    wereRefused: boolean,
  ): Promise<string | undefined> {
    const method = this.#methodOf(challenge);
    if (!method) return undefined;
    this.#method = method;
    const known = await this.#credentials(false);
    if (method.kind === "bearer" && refused !== undefined)
      this.#tokens.forget(this.#tokenRequest(method, scope, known));
    const renewed = wereRefused ? undefined : await this.#authorize(method, scope, known);
    if (renewed !== undefined && renewed !== refused) return renewed;
    const newer = await this.#credentials(true);
    return Bun.deepEquals(newer, known) ? undefined : this.#authorize(method, scope, newer);
  }

  /** Whether there are any: tokens may also be had without. Rejects with `UpstreamFault`. */
  async hasCredentials(): Promise<boolean> {
    return (await this.#credentials(false)) !== undefined;
  }

  close(): void {
    this.#tokens.clear();
  }

  /** Bearer, if upstream offers both: a password is then sent less often. */
  #methodOf(header: string | undefined): Method | undefined {
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (!bearer) return challenges.some(({ scheme }) => scheme === "basic") ? { kind: "basic" } : undefined;
    const { upstream, realm: allowed } = this.#options;
    const realm = parseRealm(bearer.parameters.get("realm"), upstream, allowed);
    if (typeof realm === "string") throw this.#fault(realm, "invalid");
    return { kind: "bearer", realm, service: bearer.parameters.get("service")?.slice(0, MAX_TEXT) };
  }

  async #authorize(
    method: Method,
    scope: string,
    credentials: UpstreamCredentials | undefined,
  ): Promise<string | undefined> {
    if (method.kind === "basic") return credentials && this.#basic(credentials);
    if (credentials && !method.realm.mayHavePassword) {
      const { origin } = method.realm.url;
      throw this.#fault(
        `its token realm ${origin} is another host, which does not get the password; upstream-realm=${origin} allows it`,
        "invalid",
      );
    }
    return `Bearer ${await this.#token(this.#tokenRequest(method, scope, credentials))}`;
  }

  #basic(credentials: UpstreamCredentials): string {
    if (!isIdentityToken(credentials)) return basicAuthorization(credentials);
    throw this.#fault(
      "it wants a user name and password, and what there is for it is an identity token",
      "denied",
    );
  }

  async #token(request: TokenRequest): Promise<string> {
    try {
      return await this.#tokens.get(request);
    } catch (error) {
      const isRefused = error instanceof UpstreamFault && error.failure.kind === "denied";
      if (!isRefused || !request.credentials) throw error;
      // Perhaps they were changed since.
      const newer = await this.#credentials(true);
      if (Bun.deepEquals(newer, request.credentials)) throw error;
      return await this.#tokens.get({ ...request, credentials: newer });
    }
  }

  #tokenRequest(
    { realm, service }: Method & { readonly kind: "bearer" },
    scope: string,
    credentials: UpstreamCredentials | undefined,
  ): TokenRequest {
    return { realm, service, scope, credentials };
  }

  async #credentials(wereRefused: boolean): Promise<UpstreamCredentials | undefined> {
    try {
      return await this.#options.credentials?.(wereRefused);
    } catch (error) {
      throw this.#fault(error instanceof Error ? error.message : "its credentials can't be read", "denied");
    }
  }

  #fault(words: string, kind: "invalid" | "denied"): UpstreamFault {
    return new UpstreamFault({ kind, reason: `upstream ${this.#options.upstream.base}: ${words}` });
  }
}
