import ssh2 from "ssh2";
import { keptSecret } from "../../primitives/fs/kept-secret.ts";

/**
 * The server's Ed25519 key in OpenSSH format, made at the first start: clients must find the same one ever after.
 * Rejects when the file holds no such key.
 */
export async function ensureHostKey(path: string): Promise<string> {
  const key = (await keptSecret(path, () => Buffer.from(generateHostKey()))).toString();
  if (isReadable(key)) return key;
  throw new Error(
    `the SSH host key ${path} can't be read; put its backup there, or remove it for a new one (clients will warn)`,
  );
}

/** ssh2 drops the leading zeros of a public key, which makes one key in 256 unreadable: such a key is thrown away. */
export function generateHostKey(generate = generateKeyPair): string {
  for (;;) {
    const key = generate();
    if (isReadable(key)) return key;
  }
}

function generateKeyPair(): string {
  return ssh2.utils.generateKeyPairSync("ed25519", { comment: "everlock" }).private;
}

function isReadable(key: string): boolean {
  return !(ssh2.utils.parseKey(key) instanceof Error);
}
