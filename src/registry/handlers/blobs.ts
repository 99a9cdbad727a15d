import type { Digest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { RegistryStorage, StoredBlob } from "../model/storage.ts";
import { type ByteRange, type ByteRanges, parseRange } from "../requests/byte-range.ts";
import { entityTag, isUnchanged, rangeHeader } from "../requests/conditional.ts";
import { RegistryError } from "../requests/errors.ts";
import { largeResponse } from "../requests/large-response.ts";
import { MultipartRanges } from "../requests/multipart-ranges.ts";
import { unmetByContent } from "../requests/preconditions.ts";
import type { RegistryRequest, ResponseBodies, Result } from "../requests/registry-request.ts";

interface BlobRoute {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** What reading a blob needs of a request. */
interface BlobRead extends Pick<RegistryRequest, "request" | "trace"> {
  readonly storage: Pick<RegistryStorage, "blob" | "refresh">;
  readonly responseBodies: Pick<ResponseBodies, "pieces">;
}

const CONTENT_TYPE = "application/octet-stream";

/**
 * GET and HEAD /v2/<name>/blobs/<digest> (distribution-spec, "Pulling blobs"), whole, or one or more ranges; or a redirect to
 * where the storage has it.
 */
export async function getBlob(blobRead: BlobRead, { repository, digest }: BlobRoute): Promise<Result> {
  const { request, storage } = blobRead;
  const refreshing = request.method === "HEAD" ? storage.refresh() : undefined;
  if (refreshing !== undefined) await refreshing;
  const blob = await storage.blob(repository, digest);
  if (!blob) return new RegistryError("blobUnknown", { details: [{ digest }] });
  const headers = {
    "Content-Type": CONTENT_TYPE,
    // Without it, the runtime adds one with the name of the file on disk.
    "Content-Disposition": "attachment",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: entityTag(digest),
  };
  const unmet = unmetByContent(request, digest);
  if (unmet) return unmet;
  if (isUnchanged(request, digest)) return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") {
    return new Response(null, { headers: { ...headers, "Content-Length": String(blob.size) } });
  }
  if (blob.redirect) return redirected(await blob.redirect(), digest);
  const ranges = parseRange(rangeHeader(request, digest), blob.size);
  if (ranges === "all") return whole(blobRead, blob, headers);
  if (ranges === "malformed" || ranges === "unsatisfiable") {
    return new RegistryError(ranges === "malformed" ? "rangeMalformed" : "rangeInvalid", {
      headers: { "Content-Range": `bytes */${blob.size}` },
    });
  }
  const [range, ...more] = ranges;
  return more.length === 0 ? part(blobRead, blob, headers, range) : parts(blobRead, blob, headers, ranges);
}

/** The client fetches the blob, or the ranges that it asks for, from the storage. The address must not outlive its time in a cache. */
function redirected(location: string, digest: Digest): Response {
  const headers = { Location: location, "Docker-Content-Digest": digest, "Cache-Control": "no-store" };
  return new Response(null, { status: 307, headers });
}

type Headers = Readonly<Record<string, string>>;

function whole({ trace }: BlobRead, { size, content, body }: StoredBlob, headers: Headers): Response {
  trace.sent = size;
  return typeof content === "function"
    ? new Response((body ?? content)(), { headers: { ...headers, "Content-Length": String(size) } })
    : new Response(content, { headers });
}

function part(
  { trace }: BlobRead,
  { size, content, body }: StoredBlob,
  headers: Headers,
  { first, last }: ByteRange,
): Response {
  trace.sent = last - first + 1;
  const status = 206;
  const partHeaders = { ...headers, "Content-Range": `bytes ${first}-${last}/${size}` };
  return typeof content === "function"
    ? new Response((body ?? content)({ first, last }), {
        status,
        headers: { ...partHeaders, "Content-Length": String(trace.sent) },
      })
    : new Response(content.slice(first, last + 1), { status, headers: partHeaders });
}

/** Several ranges as multipart/byteranges, or the whole blob where that is shorter (RFC 9110, section 15.3.7.2). */
async function parts(
  blobRead: BlobRead,
  blob: StoredBlob,
  headers: Headers,
  ranges: ByteRanges,
): Promise<Result> {
  const multipart = new MultipartRanges(ranges, blob.size, CONTENT_TYPE);
  if (multipart.length >= blob.size) return whole(blobRead, blob, headers);
  const body = await blobRead.responseBodies.pieces(multipart.pieces(blob.content), multipart.length);
  if (body !== undefined) blobRead.trace.sent = multipart.length;
  return largeResponse(
    body,
    { ...headers, "Content-Type": multipart.contentType, "Content-Length": String(multipart.length) },
    206,
  );
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
