import type { Digest } from "../../primitives/digest.ts";

/** The ETag of a digest's content, which never changes: a strong validator (RFC 9110, section 8.8.3). */
export function entityTag(digest: Digest): string {
  return `"${digest}"`;
}

/** Whether the client has this content already, by its If-None-Match (RFC 9110, section 13.1.2). */
export function isUnchanged(request: Request, digest: Digest): boolean {
  const header = request.headers.get("If-None-Match");
  if (header === null) return false;
  return header.split(",").some((tag) => {
    const known = tag.trim().replace(/^W\//, "");
    return known === "*" || known === entityTag(digest);
  });
}

/**
 * The Range header, unless its If-Range names other content (RFC 9110, section 13.1.5). A date or a weak tag never
 * matches: no response has Last-Modified, and every ETag is strong.
 */
export function rangeHeader(request: Request, digest: Digest): string | null {
  const range = request.headers.get("Range");
  if (range === null) return null;
  const condition = request.headers.get("If-Range");
  return condition === null || condition === entityTag(digest) ? range : null;
}
