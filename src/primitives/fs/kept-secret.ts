import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { ExpectedError, messageOf } from "../expected-error.ts";
import { replaceFile } from "./durable.ts";

const PRIVATE = 0o600;

/** The file of a secret can't be read or made, or does not hold one. */
export class UnusableSecretError extends ExpectedError {
  override readonly name = "UnusableSecretError";
  override readonly kind = "unusable";
}

/**
 * A secret that is made once, durably and as a whole, and readable by its owner alone ever after. Rejects with the path where
 * it can be neither read nor made.
 */
export async function keptSecret(path: string, generate: () => Uint8Array): Promise<Buffer> {
  try {
    if (existsSync(path)) makePrivate(path);
    else await replaceFile(path, generate(), PRIVATE);
    return readFileSync(path);
  } catch (cause) {
    throw new UnusableSecretError(`can't use ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Where that is allowed; the directory is private to the server's user in any case. */
function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  try {
    chmodSync(path, PRIVATE);
  } catch {
    // The file of another user, who lets the server read it.
  }
}
