import { existsSync, readFileSync } from "node:fs";
import { replaceFile } from "../../primitives/store/durable.ts";

const KEY_BYTES = 32;

/** The key that tokens are signed with, made at the first start; a new one only makes clients fetch new tokens. */
export async function ensureTokenKey(path: string): Promise<Uint8Array> {
  if (!existsSync(path)) {
    await replaceFile(path, crypto.getRandomValues(new Uint8Array(KEY_BYTES)), 0o600);
  }
  const key = readFileSync(path);
  if (key.length === KEY_BYTES) return key;
  throw new Error(`the token key ${path} is not ${KEY_BYTES} bytes long; remove it and a new one is made`);
}
