import ssh2 from "ssh2";
import { UnusableSecretError } from "../../primitives/fs/kept-secret.ts";
import type { KeptSecret } from "../../primitives/store/engine/secrets.ts";
import { fingerprintOfBlob } from "../../primitives/users/ssh-key.ts";

/** Returns the key in OpenSSH format. Throws `UnusableSecretError` if it can't be read. */
export function readHostKey({ bytes, place }: KeptSecret): string {
  const key = Buffer.from(bytes).toString();
  if (isReadable(key)) return key;
  throw new UnusableSecretError(
    `the SSH host key ${place} can't be read; restore it from a backup, or remove it to get a new one (clients will warn)`,
  );
}

/** `SHA256:…`, as clients show it when they connect for the first time. The key must be readable. */
export function hostKeyFingerprint(key: string): string {
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return fingerprintOfBlob(parsed.getPublicSSH());
}

/** ssh2 drops the leading zeros of a public key, which makes one key in 256 unreadable; such a key is discarded. */
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
