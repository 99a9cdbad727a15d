/** The public id of an API token, by which it is listed and removed. */
export type ApiTokenId = string & { readonly __brand: "ApiTokenId" };

const PREFIX = "evl";
const ID_BYTES = 5;
const SECRET_BYTES = 32;
/** `evl_<id>_<secret>`: the prefix lets secret scanners find leaked tokens. */
const TOKEN = /^evl_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/;

export interface NewApiToken {
  readonly id: ApiTokenId;
  /** Shown once. */
  readonly text: string;
  /** The stored form. The token is as long as a key, so a plain SHA-256 can't be brute-forced. */
  readonly hash: string;
}

export function makeApiToken(): NewApiToken {
  const id = crypto.getRandomValues(new Uint8Array(ID_BYTES)).toHex();
  const secret = crypto
    .getRandomValues(new Uint8Array(SECRET_BYTES))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const text = `${PREFIX}_${id}_${secret}`;
  return { id: id as ApiTokenId, text, hash: hashOf(text) };
}

export function parseApiTokenId(text: string): ApiTokenId | undefined {
  return /^[0-9a-f]{10}$/.test(text) ? (text as ApiTokenId) : undefined;
}

/** The hash of an API token; `undefined` for any other text. */
export function apiTokenHash(text: string): string | undefined {
  return TOKEN.test(text) ? hashOf(text) : undefined;
}

function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
