import { UnusableSecretError } from "../../../primitives/fs/kept-secret.ts";
import type { Secrets } from "../../../primitives/store/engine/secrets.ts";

const KEY_BYTES = 32;

/**
 * Returns the key that signs tokens, and generates it at the first start. A new key only makes clients fetch new tokens.
 * Rejects a key damaged by the disk: anyone could sign with a key of zeros.
 */
export async function ensureTokenKey(secrets: Secrets): Promise<Uint8Array> {
  const generate = async () => crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const { bytes, place } = await secrets.secret("token_key", generate);
  const remedy = "remove it and the server generates a new one";
  if (bytes.length !== KEY_BYTES)
    throw new UnusableSecretError(`the token key ${place} is not ${KEY_BYTES} bytes long; ${remedy}`);
  if (bytes.every((byte) => byte === 0))
    throw new UnusableSecretError(`the token key ${place} contains only zeros; ${remedy}`);
  return bytes;
}
