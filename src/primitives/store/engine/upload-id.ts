/** The id of an upload session, in the form of a UUID. */
export type UploadId = string & { readonly __brand: "UploadId" };

export function parseUploadId(text: string): UploadId | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? (text as UploadId) : undefined;
}

const SCOPE_HEX = 16;

/** What a session says of its scope: the beginning of the SHA-256. */
export function scopeHash(scope: string): string {
  return new Bun.CryptoHasher("sha256").update(scope).digest("hex").slice(0, SCOPE_HEX);
}
