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
 * Reads a secret file, or creates it durably and atomically at the first call. It is readable only by its owner. Rejects,
 * with the path in the message, if it can be neither read nor created.
 */
export async function keptSecret(
  path: string,
  generate: () => Uint8Array | Promise<Uint8Array>,
): Promise<Buffer> {
  try {
    if (existsSync(path)) makePrivate(path);
    else await replaceFile(path, await generate(), PRIVATE);
    return readFileSync(path);
  } catch (cause) {
    throw new UnusableSecretError(`can't use ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** A secret file as it is; `undefined` if there is none. Throws as `keptSecret` rejects. */
export function givenSecret(path: string): Buffer | undefined {
  try {
    if (!existsSync(path)) return undefined;
    makePrivate(path);
    return readFileSync(path);
  } catch (cause) {
    throw new UnusableSecretError(`can't use ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Writes a secret file, durably and atomically. Rejects as `keptSecret` does. */
export async function replaceSecret(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await replaceFile(path, bytes, PRIVATE);
  } catch (cause) {
    throw new UnusableSecretError(`can't write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Best effort: the directory is private to the server's user anyway. */
function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) === 0) return;
  try {
    chmodSync(path, PRIVATE);
  } catch {
    // The file belongs to another user, who lets the server read it.
  }
}
