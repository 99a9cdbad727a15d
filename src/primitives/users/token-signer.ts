import { timingSafeEqual } from "node:crypto";

/** A set of claims with a limited life (RFC 7519); times in seconds since the epoch. */
export interface Claims {
  /** The user. */
  readonly sub: string;
  /** For whom the token is meant; it is refused everywhere else. */
  readonly aud: string;
  readonly iat: number;
  readonly exp: number;
}

/** Tokens longer than this are not looked at. */
const MAX_TOKEN_LENGTH = 16_384;
const HEADER = encode({ alg: "HS256", typ: "JWT" });

/** Signs JSON Web Tokens with HMAC-SHA256 under the server's own key, and believes only those. */
export class TokenSigner {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  sign(claims: Claims): string {
    const content = `${HEADER}.${encode(claims)}`;
    return `${content}.${this.#signature(content).toBase64({ alphabet: "base64url", omitPadding: true })}`;
  }

  /** The claims of a token of ours for `audience` that has not expired. */
  verify(token: string, audience: string): (Claims & Readonly<Record<string, unknown>>) | undefined {
    const end = token.lastIndexOf(".");
    // The header is compared as a whole, so that no other algorithm can be talked into.
    if (token.length > MAX_TOKEN_LENGTH || !token.startsWith(`${HEADER}.`) || end <= HEADER.length)
      return undefined;
    const content = token.slice(0, end);
    const signature = Buffer.from(token.slice(end + 1), "base64url");
    const expected = this.#signature(content);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    const claims = JSON.parse(Buffer.from(content.slice(HEADER.length + 1), "base64url").toString());
    return claims.aud === audience && claims.exp > Date.now() / 1000 ? claims : undefined;
  }

  #signature(content: string): Uint8Array {
    return new Bun.CryptoHasher("sha256", this.#key).update(content).digest();
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
