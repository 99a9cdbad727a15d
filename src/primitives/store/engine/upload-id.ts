/** The id of an upload session, in the form of a UUID. */
export type UploadId = string & { readonly __brand: "UploadId" };

export function parseUploadId(text: string): UploadId | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? (text as UploadId) : undefined;
}

/** In the third group of an id, where those of clients tell of their user. */
const FETCH = "fffe";

/** Whether the server itself fetches what goes to the session: nobody goes on with it once that has ended. */
export function isFetch(id: UploadId): boolean {
  return id.slice(14, 18) === FETCH;
}

export function fetchId(id: UploadId): UploadId {
  return `${id.slice(0, 14)}${FETCH}${id.slice(18)}` as UploadId;
}

const SCOPE_HEX = 16;

/** What a session says of its scope: the beginning of the SHA-256. */
export function scopeHash(scope: string): string {
  return new Bun.CryptoHasher("sha256").update(scope).digest("hex").slice(0, SCOPE_HEX);
}
