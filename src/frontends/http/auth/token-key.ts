import { keptSecret } from "../../../primitives/fs/kept-secret.ts";

const KEY_BYTES = 32;

/**
 * The key that tokens are signed with, made at the first start; a new one only makes clients fetch new tokens. Rejects what a
 * damaged disk has made of it: anybody could sign with a key of zeros.
 */
export async function ensureTokenKey(path: string): Promise<Uint8Array> {
  const key = await keptSecret(path, () => crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
  const remedy = "remove it and a new one is made";
  if (key.length !== KEY_BYTES)
    throw new Error(`the token key ${path} is not ${KEY_BYTES} bytes long; ${remedy}`);
  if (key.every((byte) => byte === 0)) throw new Error(`the token key ${path} holds only zeros; ${remedy}`);
  return key;
}
