import {
  hasEnded,
  MAX_SESSION_SECONDS,
  RENEWAL_SECONDS,
  SESSION_SECONDS,
  type SessionClaim,
} from "./ended-sessions.ts";
import type { TokenSigner } from "./token-signer.ts";
import { ANONYMOUS, parseUserName, type UserName } from "./user.ts";
import type { UserDirectory } from "./user-directory.ts";

/** Maximal life of an access token; clients fetch new ones as needed. */
const ACCESS_TOKEN_SECONDS = 300;
/** Life of a refresh token, which replaces a login; a password change ends it earlier. */
const REFRESH_TOKEN_SECONDS = 30 * 24 * 60 * 60;

type Use = "access" | "refresh" | "session";

/** Tolerance for tokens of an earlier process, see `TokenSigner`. */
const LEEWAY_SECONDS: Readonly<Record<Use, number | undefined>> = {
  access: undefined,
  refresh: REFRESH_TOKEN_SECONDS,
  session: SESSION_SECONDS,
};

/** The content of a token: its user and, for an access token, the issuer's access claims. */
export interface TokenContent {
  readonly user: UserName;
  readonly access: unknown;
}

/** The content of a session's token. */
export interface Session extends SessionClaim {
  readonly user: UserName;
  readonly ends: number;
}

/** The token of a session, and its lifetime. */
export interface SessionToken {
  readonly token: string;
  readonly seconds: number;
}

/** Issues and verifies tokens, which become invalid when their user changes. */
export class TokenAuthority {
  readonly #signer: TokenSigner;
  readonly #users: () => UserDirectory;

  constructor(signer: TokenSigner, users: () => UserDirectory) {
    this.#signer = signer;
    this.#users = users;
  }

  /**
   * Valid until the user's credentials or grants, or those of `anon`, change, and at most until `ends` (in seconds since the
   * epoch).
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

  /** Valid until the user's credentials change. */
  issueRefresh(user: UserName, audience: string): string {
    return this.#issue("refresh", user, audience, [], REFRESH_TOKEN_SECONDS);
  }

  /** Begins a session of the pages. Valid until the user signs out or the password changes; what the user may do is looked up for each request. */
  issueSession(user: UserName, audience: string): SessionToken {
    const began = Math.floor(this.#signer.wallSeconds());
    return this.#sessionToken(user, audience, { id: crypto.randomUUID(), began });
  }

  /** A later token of a valid session; `undefined` until it is due, and after the longest time. */
  renewSession({ user, id, began, ends }: Session, audience: string): SessionToken | undefined {
    const isDue = ends - this.#signer.wallSeconds() <= SESSION_SECONDS - RENEWAL_SECONDS;
    return isDue && ends < began + MAX_SESSION_SECONDS
      ? this.#sessionToken(user, audience, { id, began })
      : undefined;
  }

  verifySession(token: string, audience: string): Session | undefined {
    const content = this.#verified("session", token, audience);
    // Only this class makes the content of a token that is verified.
    const claim = content?.access as SessionClaim | undefined;
    if (!content || !claim || hasEnded(this.#users().get(content.user)?.endedSessions, claim))
      return undefined;
    return { user: content.user, ...claim, ends: content.ends };
  }

  #sessionToken(user: UserName, audience: string, { id, began }: SessionClaim): SessionToken {
    const left = began + MAX_SESSION_SECONDS - Math.floor(this.#signer.wallSeconds());
    const seconds = Math.min(SESSION_SECONDS, left);
    return { token: this.#issue("session", user, audience, { id, began }, seconds), seconds };
  }

  verify(use: Exclude<Use, "session">, token: string, audience: string): TokenContent | undefined {
    const content = this.#verified(use, token, audience);
    return content && { user: content.user, access: content.access };
  }

  #verified(
    use: Use,
    token: string,
    audience: string,
  ): (TokenContent & { readonly ends: number }) | undefined {
    const claims = this.#signer.verify(token, audience, LEEWAY_SECONDS[use]);
    const user = claims && parseUserName(claims.sub);
    if (!user || claims["use"] !== use || claims["state"] !== this.#stateOf(use, user)) return undefined;
    return { user, access: claims["access"], ends: claims.exp };
  }

  #issue(use: Use, user: UserName, audience: string, access: unknown, seconds: number): string {
    const state = this.#stateOf(use, user);
    return this.#signer.sign({ sub: user, aud: audience, use, state, access }, seconds);
  }

  #stateOf(use: Use, user: UserName): string | undefined {
    if (use === "access") return this.#users().fingerprint(user, "access");
    if (user === ANONYMOUS) return undefined;
    return this.#users().fingerprint(user, use === "session" ? "password" : "credentials");
  }
}
