import { isFetch } from "./upload-id.ts";
import type { ExpiryOptions, Upload } from "./uploads.ts";

/** After how many milliseconds without a write a session expires. */
export function expiryAgeMs(
  { id, size }: Pick<Upload, "id" | "size">,
  maxAgeMs: number,
  { emptyAfterMs = maxAgeMs, fetchAfterMs = maxAgeMs }: ExpiryOptions,
): number {
  return Math.min(maxAgeMs, size === 0 ? emptyAfterMs : maxAgeMs, isFetch(id) ? fetchAfterMs : maxAgeMs);
}
