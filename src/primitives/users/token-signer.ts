import { timingSafeEqual } from "node:crypto";
import { type MonotonicClock, monotonicMs } from "../monotonic-clock.ts";

/** Whom a token is about, and what else it says. */
interface Subject {
  /** The user. */
  readonly sub: string;
  /** For whom the token is meant; it is refused everywhere else. */
  readonly aud: string;
}

/** A set of claims with a limited life (RFC 7519); times in seconds since the epoch. */
export interface Claims extends Subject {
  readonly iat: number;
  readonly exp: number;
  /** The run of the program that issued it, and when by its own clock, in milliseconds. */
  readonly run: string;
  readonly at: number;
}

/** Tokens longer than this are not looked at. */
const MAX_TOKEN_LENGTH = 16_384;
const HEADER = encode({ alg: "HS256", typ: "JWT" });

/** How far ahead the clock may have been when a token was issued by an earlier run, in seconds. */
const LEEWAY_SECONDS = 60;
/** By how much the clocks of two threads may differ, in milliseconds. */
const SKEW_MS = 1000;

export interface TokenSignerOptions {
  /** Of all signers of one run of the program; their clocks must be in step. */
  readonly run?: string;
  readonly now?: MonotonicClock;
  /** The time of day, in seconds since the epoch. */
  readonly wallSeconds?: () => number;
}

/**
 * Signs JSON Web Tokens with HMAC-SHA256 under the server's own key, and believes only those. In the run that issued it a token
 * ages by a clock that nobody sets; in later ones, which can't know that, by the time of day.
 */
export class TokenSigner {
  readonly #key: Uint8Array;
  readonly #run: string;
  readonly #now: MonotonicClock;
  /** The time of day, in seconds since the epoch. */
  readonly wallSeconds: () => number;

  constructor(key: Uint8Array, options: TokenSignerOptions = {}) {
    this.#key = key;
    this.#run = options.run ?? crypto.randomUUID();
    this.#now = options.now ?? monotonicMs;
    this.wallSeconds = options.wallSeconds ?? (() => Date.now() / 1000);
  }

  /** For so many seconds; none and less is a token that is not good at all. */
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
   * The claims of a token of ours for `audience` that has not expired. One of an earlier run that seems to come from the future,
   * because the clock was set back, is refused beyond `leewaySeconds`.
   */
  verify(
    token: string,
    audience: string,
    leewaySeconds = LEEWAY_SECONDS,
  ): (Claims & Readonly<Record<string, unknown>>) | undefined {
    const end = token.lastIndexOf(".");
    // The header is compared as a whole, so that no other algorithm can be talked into.
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
