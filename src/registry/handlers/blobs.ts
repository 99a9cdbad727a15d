import type { Digest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { BlobStorage } from "../model/storage.ts";
import { parseRange } from "../requests/byte-range.ts";
import { entityTag, isUnchanged } from "../requests/conditional.ts";
import { RegistryError } from "../requests/errors.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

interface BlobRoute {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** What reading a blob needs of a request. */
interface BlobRead extends Pick<RegistryRequest, "request" | "trace"> {
  readonly storage: Pick<BlobStorage, "blob">;
}

/** GET and HEAD /v2/<name>/blobs/<digest> (distribution-spec, "Pulling blobs"), with a single range. */
export async function getBlob(
  { request, storage, trace }: BlobRead,
  { repository, digest }: BlobRoute,
): Promise<Result> {
  const blob = await storage.blob(repository, digest);
  if (!blob) return new RegistryError("blobUnknown", { details: [{ digest }] });
  const headers = {
    "Content-Type": "application/octet-stream",
    // Without it, the runtime adds one with the name of the file on disk.
    "Content-Disposition": "attachment",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: entityTag(digest),
  };
  if (isUnchanged(request, digest)) return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "Content-Length": String(blob.size) } });
  }
  const range = parseRange(request.headers.get("Range"), blob.size);
  if (range === "malformed") return new RegistryError("rangeMalformed");
  if (range === "unsatisfiable") {
    return new RegistryError("rangeInvalid", { headers: { "Content-Range": `bytes */${blob.size}` } });
  }
  const { content } = blob;
  trace.sent = range === "all" ? blob.size : range.last - range.first + 1;
  // The length of all else is known to the runtime.
  const length = typeof content === "function" && { "Content-Length": String(trace.sent) };
  if (range === "all")
    return new Response(typeof content === "function" ? content() : content, {
      headers: { ...headers, ...length },
    });
  const { first, last } = range;
  return new Response(typeof content === "function" ? content(range) : content.slice(first, last + 1), {
    status: 206,
    headers: { ...headers, ...length, "Content-Range": `bytes ${first}-${last}/${blob.size}` },
  });
}

/** DELETE /v2/<name>/blobs/<digest> (distribution-spec, "Deleting blobs"). */
export async function deleteBlob(
  { storage }: RegistryRequest,
  { repository, digest }: BlobRoute,
): Promise<Result> {
  const outcome = await storage.deleteBlob(repository, digest);
  if (outcome === "unknown") return new RegistryError("blobUnknown", { details: [{ digest }] });
  if (outcome === "in-use") return new RegistryError("blobInUse", { details: [{ digest }] });
  return new Response(null, { status: 202 });
}
