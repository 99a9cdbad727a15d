import type { TokenSigner } from "./token-signer.ts";
import { ANONYMOUS, parseUserName, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** Seconds that an access token is good for at most: clients fetch new ones as they need them. */
const ACCESS_TOKEN_SECONDS = 300;
/** A refresh token stands for a login on a client; it ends earlier when the password changes. */
const REFRESH_TOKEN_SECONDS = 30 * 24 * 60 * 60;

type Use = "access" | "refresh";

/** What a token says: who, and for an access token what it opens, in the words of who issued it. */
export interface TokenContent {
  readonly user: UserName;
  readonly access: unknown;
}

/** Issues and checks tokens that end with the state of the user that they were issued for. */
export class TokenAuthority {
  readonly #signer: TokenSigner;
  readonly #users: () => UserDirectory;

  constructor(signer: TokenSigner, users: () => UserDirectory) {
    this.#signer = signer;
    this.#users = users;
  }

  /**
   * Good until what the user logs in with, is granted, or everybody is granted changes, and not beyond `ends` (in seconds
   * since the epoch).
   */
  issueAccess(
    user: UserName,
    audience: string,
    access: unknown,
    ends = Number.POSITIVE_INFINITY,
  ): { readonly token: string; readonly seconds: number } {
    const left = Math.floor(ends - this.#signer.wallSeconds());
    const seconds = Math.min(ACCESS_TOKEN_SECONDS, left);
    return { token: this.#issue("access", user, audience, access, seconds), seconds };
  }

  /** Good until what the user logs in with changes. */
  issueRefresh(user: UserName, audience: string): string {
    return this.#issue("refresh", user, audience, [], REFRESH_TOKEN_SECONDS);
  }

  verify(use: Use, token: string, audience: string): TokenContent | undefined {
    const leeway = use === "refresh" ? REFRESH_TOKEN_SECONDS : undefined;
    const claims = this.#signer.verify(token, audience, leeway);
    const user = claims && parseUserName(claims.sub);
    if (!user || claims["use"] !== use || claims["state"] !== this.#stateOf(use, user)) return undefined;
    return { user, access: claims["access"] };
  }

  #issue(use: Use, user: UserName, audience: string, access: unknown, seconds: number): string {
    const state = this.#stateOf(use, user);
    return this.#signer.sign({ sub: user, aud: audience, use, state, access }, seconds);
  }

  #stateOf(use: Use, user: UserName): string | undefined {
    if (use === "access") return this.#users().fingerprint(user, "access");
    return user === ANONYMOUS ? undefined : this.#users().fingerprint(user, "credentials");
  }
}
