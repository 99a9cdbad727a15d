import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { replaceFile } from "./durable.ts";

const PRIVATE = 0o600;

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
    throw new Error(`can't use ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
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
