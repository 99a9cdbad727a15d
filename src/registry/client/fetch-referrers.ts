import { type Digest, digestAlgorithm, digestHex } from "../../primitives/digest.ts";
import { isRecord } from "../../primitives/text/records.ts";
import { readAnnotations, readDescriptor } from "../model/descriptor.ts";
import { MAX_MANIFEST_BYTES } from "../model/manifest.ts";
import { InvalidManifest } from "../model/manifest-json.ts";
import { IMAGE_INDEX } from "../model/media-types.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { Referrer } from "../model/storage.ts";
import { parseTag } from "../model/tag.ts";
import { fetchManifest, pullScope } from "./fetch-manifest.ts";
import { nextPage } from "./next-page.ts";
import type { ListCursor } from "./registry-client.ts";
import type { Transport, UpstreamResponse } from "./transport.ts";

const MAX_PAGES = 100;
/** Of one manifest. */
const MAX_REFERRERS = 10_000;
/** In bytes, of all pages: annotations may be long. */
const MAX_BYTES = 16 * 1024 * 1024;
/** In characters, of the digest in a tag. */
const MAX_HEX = 64;
/** What registries without the API answer. */
const WITHOUT_API: readonly number[] = [400, 404, 405, 501];

/** Rejects with `UpstreamFault`. */
export async function fetchReferrers(
  transport: Transport,
  repository: RepositoryName,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Referrer[]> {
  const found =
    (await byApi(transport, repository, digest, artifactType, signal)) ??
    (await byTag(transport, repository, digest, signal));
  return artifactType === undefined
    ? found
    : found.filter((referrer) => referrer.artifactType === artifactType);
}

/** `undefined` if upstream does not have the API (distribution-spec, "Listing Referrers"). */
async function byApi(
  transport: Transport,
  repository: RepositoryName,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Referrer[] | undefined> {
  const path = `/v2/${repository}/referrers/${digest}`;
  const query = artifactType === undefined ? "" : `?${new URLSearchParams({ artifactType })}`;
  const found: Referrer[] = [];
  let cursor: ListCursor | undefined;
  let received = 0;
  for (let page = 1; ; page++) {
    const response = await transport.send({
      ...{ method: "GET", path: cursor ?? `${path}${query}`, scope: pullScope(repository) },
      ...{
        wanted: "the referrers of a manifest",
        headers: { Accept: IMAGE_INDEX },
        expected: WITHOUT_API,
        signal,
      },
    });
    const isIndex = response.header("content-type")?.startsWith(IMAGE_INDEX);
    if (response.status !== 200 || !isIndex) {
      response.body.discard();
      return undefined;
    }
    const bytes = await response.body.bytes(MAX_MANIFEST_BYTES);
    if (!bytes) throw transport.fault(response.url, "its list of referrers is too long");
    received += bytes.length;
    found.push(...readReferrers(transport, response.url, bytes));
    cursor = nextPage(transport, response, path, cursor);
    if (cursor === undefined) return found;
    if (page === MAX_PAGES || found.length > MAX_REFERRERS || received > MAX_BYTES)
      throw tooMany(transport, response);
  }
}

/** An image index under the tag `sha256-<hex>` (distribution-spec, "Referrers Tag Schema"). */
async function byTag(
  transport: Transport,
  repository: RepositoryName,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Referrer[]> {
  const tag = parseTag(`${digestAlgorithm(digest)}-${digestHex(digest).slice(0, MAX_HEX)}`);
  const found = tag && (await fetchManifest(transport, repository, { kind: "tag", tag }, signal));
  if (found?.mediaType !== IMAGE_INDEX) return [];
  return readReferrers(transport, undefined, found.content);
}

function tooMany(transport: Transport, { url }: UpstreamResponse): Error {
  return transport.fault(
    url,
    `a manifest has more than ${MAX_REFERRERS} referrers, or they are on more than ${MAX_PAGES} pages, or longer than ${MAX_BYTES} bytes`,
  );
}

function readReferrers(transport: Transport, url: URL | undefined, bytes: Uint8Array): Referrer[] {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString());
    const entries = isRecord(json) ? json["manifests"] : undefined;
    if (!Array.isArray(entries)) throw new InvalidManifest("manifests is not a list");
    return entries.map((entry: unknown, at) => readReferrer(`manifests[${at}]`, entry));
  } catch (error) {
    const reason = error instanceof InvalidManifest ? error.message : "it is no JSON";
    throw transport.fault(url ?? transport.base, `its list of referrers is wrong: ${reason}`);
  }
}

function readReferrer(field: string, entry: unknown): Referrer {
  const { mediaType, digest, size } = readDescriptor(field, entry);
  const { artifactType, annotations } = isRecord(entry) ? entry : {};
  const read = readAnnotations(`${field}.annotations`, annotations);
  return {
    ...{ mediaType, digest, size },
    ...(typeof artifactType === "string" && artifactType !== "" && { artifactType }),
    ...(read && { annotations: read }),
  };
}
