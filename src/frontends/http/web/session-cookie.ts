import type { SessionToken } from "../../../primitives/users/token-authority.ts";

/** A browser accepts the prefix from this host alone, over TLS, for all its paths (RFC 6265bis, section 4.1.3). */
const SECURE_NAME = "__Host-everlock";
const PLAIN_NAME = "everlock";

/** `isSecure`: whether the client uses TLS. */
export interface CookieOptions {
  readonly isSecure: boolean;
}

function nameOf({ isSecure }: CookieOptions): string {
  return isSecure ? SECURE_NAME : PLAIN_NAME;
}

/** The value of a Set-Cookie header that keeps a session; with 0 seconds, the browser deletes it. */
export function sessionCookie({ token, seconds }: SessionToken, options: CookieOptions): string {
  const secure = options.isSecure ? "; Secure" : "";
  return `${nameOf(options)}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** The session's token in a Cookie header; with TLS, that of a connection without it doesn't count. */
export function sessionTokenIn(header: string | null, options: CookieOptions): string | undefined {
  const prefix = `${nameOf(options)}=`;
  for (const part of header?.split(";") ?? []) {
    const pair = part.trim();
    if (pair.startsWith(prefix)) return pair.slice(prefix.length);
  }
  return undefined;
}
