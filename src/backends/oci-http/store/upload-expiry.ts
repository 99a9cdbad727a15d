import type { ExpiryOptions, UploadStore } from "../../../primitives/store/engine/uploads.ts";

/** An idle upload is removed after this time; clients resume within minutes or days. */
const UPLOAD_EXPIRY_MS = 7 * 24 * 60 * 60 * 1000;
/** An empty upload has nothing to resume. */
const EMPTY_UPLOAD_EXPIRY_MS = 60 * 60 * 1000;
/** A fetch writes far more often while it is under way. */
const FETCH_EXPIRY_MS = 60 * 60 * 1000;
export const EXPIRY_EVERY_MS = 10 * 60 * 1000;

/** Removes abandoned upload sessions, and resolves with how many. */
export function expireUploads(
  uploads: UploadStore,
  options: Pick<ExpiryOptions, "onceInMs">,
): Promise<number> {
  return uploads.expire(UPLOAD_EXPIRY_MS, {
    emptyAfterMs: EMPTY_UPLOAD_EXPIRY_MS,
    fetchAfterMs: FETCH_EXPIRY_MS,
    ...options,
  });
}
