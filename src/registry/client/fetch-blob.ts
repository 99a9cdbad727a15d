import type { Digest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import { checkEncoding, lastModifiedOf, pullScope } from "./fetch-manifest.ts";
import type { BlobRequest, UpstreamBlob } from "./registry-client.ts";
import type { Transport, UpstreamResponse } from "./transport.ts";
import { UpstreamBodyError, type UpstreamFault } from "./upstream-answer.ts";

/** In bytes, where neither the caller nor upstream says how large a blob is. */
const MAX_UNSTATED = 64 * 1024 ** 3;
/** From so many bytes on, opening a connection costs less than is saved in reading. */
const LARGE_BYTES = 1024 * 1024;
const WANTED = "a blob";

interface Part {
  /** Offset of the first byte that upstream sends; not above the one that was asked for. */
  readonly first: number;
  /** Of the whole blob, as upstream states it. */
  readonly size: number | undefined;
}

/** `undefined`: upstream does not have it. Rejects with `UpstreamFault`. */
export async function fetchBlob(
  transport: Transport,
  repository: RepositoryName,
  digest: Digest,
  { from = 0, size: expected, signal }: BlobRequest,
): Promise<UpstreamBlob | undefined> {
  const response = await transport.send({
    method: "GET",
    path: `/v2/${repository}/blobs/${digest}`,
    scope: pullScope(repository),
    wanted: WANTED,
    headers: from > 0 ? { Range: `bytes=${from}-` } : undefined,
    expected: [404, 416],
    isLarge: expected !== undefined && expected - from >= LARGE_BYTES,
    signal,
  });
  if (response.status === 404) {
    response.body.discard();
    return undefined;
  }
  return blobIn(transport, response, digest, { from, size: expected });
}

/** The blob that a response to the request for it sends, from `from` on. Throws `UpstreamFault`. */
export function blobIn(
  transport: Transport,
  response: UpstreamResponse,
  digest: Digest,
  { from = 0, size: expected }: Pick<BlobRequest, "from" | "size">,
): UpstreamBlob {
  checkEncoding(transport, response);
  const part = partOf(transport, response, from);
  if (expected !== undefined && part.size !== undefined && part.size !== expected) {
    response.body.discard();
    throw transport.fault(response.url, `its blob ${digest} has ${part.size} bytes, not ${expected}`);
  }
  const size = expected ?? part.size;
  const body = bounded(
    response,
    { skip: from - part.first, length: size && size - part.first },
    (words, kind) => transport.fault(response.url, `its blob ${digest} ${words}`, kind),
  );
  return { body, size, lastModified: lastModifiedOf(response) };
}

/** Its size, where upstream states it. */
export async function fetchBlobHead(
  transport: Transport,
  repository: RepositoryName,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<{ readonly size: number | undefined } | undefined> {
  const response = await transport.send({
    method: "HEAD",
    path: `/v2/${repository}/blobs/${digest}`,
    scope: pullScope(repository),
    wanted: WANTED,
    expected: [404],
    signal,
  });
  return response.status === 404 ? undefined : { size: response.body.length };
}

function partOf(transport: Transport, response: UpstreamResponse, from: number): Part {
  const { status, body, url } = response;
  // A registry may ignore ranges.
  if (status === 200) return { first: 0, size: body.length };
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(response.header("content-range") ?? "");
  const [, first, , size] = match ?? [];
  if (status === 206 && Number(first) === from)
    return { first: from, size: size === "*" ? undefined : Number(size) };
  body.discard();
  throw transport.fault(
    url,
    `it answers ${status} with the wrong range to the request for a blob from byte ${from}`,
  );
}

/** Leaves out the first `skip` bytes. Throws `UpstreamBodyError` unless there are `length` bytes in all. */
async function* bounded(
  { body }: UpstreamResponse,
  { skip, length }: { readonly skip: number; readonly length: number | undefined },
  fault: (words: string, kind: "invalid" | "unavailable") => UpstreamFault,
): AsyncGenerator<Uint8Array, void, undefined> {
  const max = length ?? MAX_UNSTATED;
  let received = 0;
  for await (const chunk of body.chunks()) {
    const start = Math.max(0, skip - received);
    received += chunk.length;
    if (received > max) throw new UpstreamBodyError(fault(`has more than ${max} bytes`, "invalid").failure);
    if (start < chunk.length) yield start === 0 ? chunk : chunk.subarray(start);
  }
  if (length !== undefined && received < length)
    throw new UpstreamBodyError(fault(`ended after ${received} of ${length} bytes`, "unavailable").failure);
}
