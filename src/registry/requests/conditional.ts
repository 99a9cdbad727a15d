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
