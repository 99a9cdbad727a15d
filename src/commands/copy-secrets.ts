import { causesOf } from "../primitives/fs/storage-trouble.ts";
import type { SecretName, Secrets } from "../primitives/store/engine/secrets.ts";

const SECRETS: readonly SecretName[] = ["token_key", "ssh_host_ed25519_key", "upstream_credentials"];

class NoSecret extends Error {}

/** Hands the secrets that a storage has to `put`: clients would notice others. */
export async function copySecrets(
  secrets: Secrets,
  put: (name: SecretName, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const none = () => Promise.reject(new NoSecret());
  for (const name of SECRETS) {
    try {
      await put(name, (await secrets.secret(name, none)).bytes);
    } catch (error) {
      if (!causesOf(error).some((cause) => cause instanceof NoSecret)) throw error;
    }
  }
}
