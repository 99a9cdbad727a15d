import { keptSecret, UnusableSecretError } from "../../../primitives/fs/kept-secret.ts";

const KEY_BYTES = 32;

/**
 * Returns the key that signs tokens, and generates it at the first start. A new key only makes clients fetch new tokens.
 * Rejects a key damaged by the disk: anyone could sign with a key of zeros.
 */
export async function ensureTokenKey(path: string): Promise<Uint8Array> {
  const key = await keptSecret(path, () => crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
  const remedy = "remove it and the server generates a new one";
  if (key.length !== KEY_BYTES)
    throw new UnusableSecretError(`the token key ${path} is not ${KEY_BYTES} bytes long; ${remedy}`);
  if (key.every((byte) => byte === 0))
    throw new UnusableSecretError(`the token key ${path} contains only zeros; ${remedy}`);
  return key;
}
