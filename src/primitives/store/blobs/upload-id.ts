/** The id of an upload session, in the form of a UUID. */
export type UploadId = string & { readonly __brand: "UploadId" };

export function parseUploadId(text: string): UploadId | undefined {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? (text as UploadId) : undefined;
}
