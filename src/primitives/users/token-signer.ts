import { timingSafeEqual } from "node:crypto";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** The claims that the caller sets. */
interface Subject {
  /** The user. */
  readonly sub: string;
  /** The registry that accepts the token. */
  readonly aud: string;
}

/** All claims of a token (RFC 7519); times in seconds since the epoch. */
export interface Claims extends Subject {
  readonly iat: number;
  readonly exp: number;
  /** The server process that issued the token, and the time of its monotonic clock, in milliseconds. */
  readonly run: string;
  readonly at: number;
}

/** Longer tokens are refused unread. */
const MAX_TOKEN_LENGTH = 16_384;
const HEADER = encode({ alg: "HS256", typ: "JWT" });

/** Tolerance, in seconds, for tokens of an earlier process that seem to be issued in the future. */
const LEEWAY_SECONDS = 60;
/** Maximal difference between the clocks of two threads. */
const SKEW_MS = 1000;

export interface TokenSignerOptions {
  /** The id of this server process. Its threads share it, and their clocks must agree within `SKEW_MS`. */
  readonly run?: string;
  readonly now?: MonotonicClock;
  /** The wall clock, in seconds since the epoch. */
  readonly wallSeconds?: () => number;
}

/**
 * Signs and verifies JSON Web Tokens with HMAC-SHA256 and the server's key. In the process that issued it, a token's age is
 * measured by the monotonic clock; after a restart, by the wall clock.
 */
export class TokenSigner {
  readonly #key: Uint8Array;
  readonly #run: string;
  readonly #now: MonotonicClock;
  /** The wall clock, in seconds since the epoch. */
  readonly wallSeconds: () => number;

  constructor(key: Uint8Array, options: TokenSignerOptions = {}) {
    this.#key = key;
    this.#run = options.run ?? crypto.randomUUID();
    this.#now = options.now ?? monotonicMs;
    this.wallSeconds = options.wallSeconds ?? (() => Date.now() / 1000);
  }

  /** Signs a token that is valid for `seconds`; with 0 or less, it is never valid. */
  sign(content: Subject & Readonly<Record<string, unknown>>, seconds: number): string {
    const iat = Math.floor(this.wallSeconds());
    const claims: Claims = {
      ...content,
      iat,
      exp: iat + seconds,
      run: this.#run,
      at: Math.round(this.#now()),
    };
    const text = `${HEADER}.${encode(claims)}`;
    return `${text}.${this.#signature(text).toBase64({ alphabet: "base64url", omitPadding: true })}`;
  }

  /**
   * The claims of a valid token for `audience`; `undefined` for any other. A token of an earlier process that seems to come
   * from the future, because the wall clock was set back, is refused beyond `leewaySeconds`.
   */
  verify(
    token: string,
    audience: string,
    leewaySeconds = LEEWAY_SECONDS,
  ): (Claims & Readonly<Record<string, unknown>>) | undefined {
    const end = token.lastIndexOf(".");
    // The header is compared as a whole, so that a token can't choose another algorithm.
    if (token.length > MAX_TOKEN_LENGTH || !token.startsWith(`${HEADER}.`) || end <= HEADER.length)
      return undefined;
    const content = token.slice(0, end);
    const signature = Buffer.from(token.slice(end + 1), "base64url");
    const expected = this.#signature(content);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    const claims = JSON.parse(Buffer.from(content.slice(HEADER.length + 1), "base64url").toString());
    return claims.aud === audience && this.#isCurrent(claims, leewaySeconds) ? claims : undefined;
  }

  #isCurrent({ iat, exp, run, at }: Claims, leewaySeconds: number): boolean {
    if (run === this.#run) {
      const age = this.#now() - at;
      return age >= -SKEW_MS && age < (exp - iat) * 1000;
    }
    const wall = this.wallSeconds();
    return exp > wall && iat <= wall + leewaySeconds;
  }

  #signature(content: string): Uint8Array {
    return new Bun.CryptoHasher("sha256", this.#key).update(content).digest();
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
