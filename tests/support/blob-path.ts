import { type Digest, digestAlgorithm, digestHex } from "../../src/primitives/digest.ts";

/** Where the local engine keeps a blob of the store in `dir`. */
export function blobPath(dir: string, digest: Digest): string {
  const hex = digestHex(digest);
  return `${dir}/blobs/${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}`;
}
