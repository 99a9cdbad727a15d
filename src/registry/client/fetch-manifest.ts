import { type Digest, digestAlgorithm, digestOf, parseDigest } from "../../primitives/digest.ts";
import { MAX_MANIFEST_BYTES, ManifestFault, parsePushedManifest } from "../model/manifest.ts";
import { isSchema1, MANIFEST_MEDIA_TYPES, manifestKind } from "../model/media-types.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import { nameOf, type Reference } from "../model/tag.ts";
import type { UpstreamManifest, UpstreamManifestHead } from "./registry-client.ts";
import type { Transport, UpstreamRequest, UpstreamResponse } from "./transport.ts";

const ACCEPT = MANIFEST_MEDIA_TYPES.join(", ");
const WANTED = "a manifest";

export function pullScope(repository: RepositoryName): string {
  return `repository:${repository}:pull`;
}

function manifestRequest(
  method: UpstreamRequest["method"],
  repository: RepositoryName,
  reference: Reference,
  signal: AbortSignal | undefined,
): UpstreamRequest {
  return {
    method,
    path: `/v2/${repository}/manifests/${nameOf(reference)}`,
    scope: pullScope(repository),
    wanted: WANTED,
    headers: { Accept: ACCEPT },
    expected: [404],
    signal,
  };
}

/** `undefined`: upstream does not have it. Rejects with `UpstreamFault`. */
export async function fetchManifest(
  transport: Transport,
  repository: RepositoryName,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<UpstreamManifest | undefined> {
  const response = await transport.send(manifestRequest("GET", repository, reference, signal));
  if (response.status === 404) {
    response.body.discard();
    return undefined;
  }
  const { url } = response;
  const mediaType = mediaTypeOf(transport, response);
  checkEncoding(transport, response);
  const content = await response.body.bytes(MAX_MANIFEST_BYTES);
  if (!content) throw transport.fault(url, `its manifest is larger than ${MAX_MANIFEST_BYTES} bytes`);
  checkLength(transport, response, content.length);
  const digest = checkedDigest(transport, response, reference, content);
  const parsed = parsePushedManifest(content, mediaType);
  if (parsed instanceof ManifestFault)
    throw transport.fault(url, `the manifest ${digest} that it sends is not valid: ${parsed.reason}`);
  return { digest, mediaType, content, ...parsed, lastModified: lastModifiedOf(response) };
}

/** `undefined`: upstream does not have it. Rejects with `UpstreamFault`. */
export async function fetchManifestHead(
  transport: Transport,
  repository: RepositoryName,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<UpstreamManifestHead | undefined> {
  const request = manifestRequest("HEAD", repository, reference, signal);
  // Some registries have no HEAD.
  const response = await transport.send({ ...request, expected: [404, 405, 501] });
  if (response.status === 404) return undefined;
  const digest = parseDigest(response.header("docker-content-digest") ?? "");
  if (response.status !== 200 || !digest) {
    const fetched = await fetchManifest(transport, repository, reference, signal);
    return fetched && { ...fetched, size: fetched.content.length };
  }
  const mediaType = mediaTypeOf(transport, response);
  if (reference.kind === "digest" && digest !== reference.digest)
    throw transport.fault(response.url, `it answers with ${digest} to the request for ${reference.digest}`);
  return { digest, mediaType, size: response.body.length, lastModified: lastModifiedOf(response) };
}

function mediaTypeOf(transport: Transport, response: UpstreamResponse): string {
  const header = response.header("content-type") ?? "";
  const mediaType = header.replace(/;.*/s, "").trim().toLowerCase();
  if (manifestKind(mediaType)) return mediaType;
  response.body.discard();
  if (isSchema1(mediaType))
    throw transport.fault(response.url, "it has only a Docker schema 1 manifest, which is not supported");
  const shown = /^[\x20-\x7e]{1,100}$/.test(mediaType) ? mediaType : "";
  throw transport.fault(
    response.url,
    `it sends a manifest with the media type '${shown}', which is of no manifest`,
  );
}

function checkedDigest(
  transport: Transport,
  response: UpstreamResponse,
  reference: Reference,
  content: Uint8Array,
): Digest {
  const stated = parseDigest(response.header("docker-content-digest") ?? "");
  const wanted = reference.kind === "digest" ? reference.digest : stated;
  const digest = digestOf(content, wanted && digestAlgorithm(wanted));
  if (wanted !== undefined && digest !== wanted)
    throw transport.fault(
      response.url,
      `the manifest that it sends has the wrong digest: ${digest}, not ${wanted}`,
    );
  return digest;
}

function checkLength(transport: Transport, { url, body }: UpstreamResponse, received: number): void {
  if (body.length !== undefined && received !== body.length)
    throw transport.fault(url, `it sends ${received} bytes of a manifest of ${body.length}`, "unavailable");
}

/** Throws if the body is not the content itself: nobody asked for compression. */
export function checkEncoding(transport: Transport, response: UpstreamResponse): void {
  const encoding = response.header("content-encoding") ?? "identity";
  if (encoding === "identity") return;
  response.body.discard();
  throw transport.fault(response.url, "it compresses its response, though it was asked not to");
}

export function lastModifiedOf(response: UpstreamResponse): Date | undefined {
  const time = Date.parse(response.header("last-modified") ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
