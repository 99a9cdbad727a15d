/** A content digest such as `sha256:<64 hex>` (image-spec, descriptor.md#digests), known to be well formed. */
export type Digest = string & { readonly __brand: "Digest" };

/** The accepted algorithms, with the length of their lower-case hex encoding. */
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;
export type DigestAlgorithm = keyof typeof HEX_LENGTH;

export const DIGEST_ALGORITHMS = Object.keys(HEX_LENGTH) as readonly DigestAlgorithm[];

const HEX = /^[0-9a-f]+$/;

export function parseDigest(text: string): Digest | undefined {
  const colon = text.indexOf(":");
  const length = HEX_LENGTH[text.slice(0, Math.max(colon, 0)) as DigestAlgorithm];
  const hex = text.slice(colon + 1);
  return length === hex.length && HEX.test(hex) ? (text as Digest) : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(":")) as DigestAlgorithm;
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The digest in binary; its length determines the algorithm. */
export function digestToBytes(digest: Digest): Buffer {
  return Buffer.from(digestHex(digest), "hex");
}

export function digestFromBytes(bytes: Uint8Array): Digest {
  const algorithm = DIGEST_ALGORITHMS.find((known) => HEX_LENGTH[known] === 2 * bytes.length);
  if (!algorithm) throw new Error(`${bytes.length} bytes are no digest`);
  return `${algorithm}:${bytes.toHex()}` as Digest;
}

/** Hashes in one call, without allocating a hasher. */
const HASHES = { sha256: Bun.SHA256, sha512: Bun.SHA512 } as const;

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return `${algorithm}:${HASHES[algorithm].hash(bytes, "hex")}` as Digest;
}

/** Finalises `hasher`, which must have been made for `algorithm`. */
export function finishDigest(algorithm: DigestAlgorithm, hasher: Bun.CryptoHasher): Digest {
  return `${algorithm}:${hasher.digest("hex")}` as Digest;
}
