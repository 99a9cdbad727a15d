/** The SHA-256 name of a Git object: 64 lower-case hex digits. */
export type ObjectId = string & { readonly __brand: "ObjectId" };

/** Size of a binary object id in trees, packs and pack indexes. */
export const OBJECT_ID_BYTES = 32;

/** All zeros, which stands for no object, as in Git: as a commit, the empty state before the first one. */
export const NO_COMMIT = "0".repeat(64) as ObjectId;

export function parseObjectId(text: string): ObjectId | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as ObjectId) : undefined;
}

export function objectIdToBytes(id: ObjectId): Buffer {
  return Buffer.from(id, "hex");
}

export function objectIdFromBytes(bytes: Uint8Array): ObjectId {
  return bytes.toHex() as ObjectId;
}
