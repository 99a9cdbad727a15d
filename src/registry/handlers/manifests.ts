import { digestAlgorithm, digestOf } from "../../primitives/digest.ts";
import { ManifestFault, type PushedManifest, parsePushedManifest } from "../model/manifest.ts";
import type { RepositoryName } from "../model/repository-name.ts";
import type { ManifestPush, ManifestStorage, UnmetPrecondition } from "../model/storage.ts";
import { nameOf, parseTag, type Reference, type Tag } from "../model/tag.ts";
import { withBoundedBody } from "../requests/bounded-body.ts";
import { entityTag, isUnchanged } from "../requests/conditional.ts";
import { RegistryError } from "../requests/errors.ts";
import { largeResponse } from "../requests/large-response.ts";
import { readPrecondition, unmetByContent } from "../requests/preconditions.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";

/** Maximal number of tags in one push by digest. */
const MAX_TAGS = 100;
const RETRY = { "Retry-After": "5" };

interface ManifestRoute {
  readonly repository: RepositoryName;
  readonly reference: Reference;
}

function unknown(reference: Reference): RegistryError {
  return new RegistryError("manifestUnknown", { details: [{ reference: nameOf(reference) }] });
}

/** GET and HEAD /v2/<name>/manifests/<reference> (distribution-spec, "Pulling manifests"). */
export async function getManifest(
  registryRequest: RegistryRequest,
  { repository, reference }: ManifestRoute,
): Promise<Result> {
  const { request, storage, responseBodies } = registryRequest;
  const isPresence = request.method === "HEAD" && reference.kind === "digest";
  const refreshing = isPresence ? storage.refresh() : undefined;
  if (refreshing !== undefined) await refreshing;
  const manifest = await storage.manifest(repository, reference);
  if (!manifest) return unknown(reference);
  const headers = {
    "Content-Type": manifest.mediaType,
    "Content-Length": String(manifest.content.length),
    "Docker-Content-Digest": manifest.digest,
    ETag: entityTag(manifest.digest),
    ...(manifest.warning !== undefined && { Warning: warningOf(manifest.warning) }),
  };
  const unmet = unmetByContent(request, manifest.digest);
  if (unmet) return unmet;
  if (isUnchanged(request, manifest.digest)) return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") return new Response(null, { headers });
  return largeResponse(responseBodies.manifest(manifest.content), headers);
}

/** See distribution-spec, "Warnings". */
function warningOf(text: string): string {
  return `299 - "${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}

/** PUT /v2/<name>/manifests/<reference>?tag= (distribution-spec, "Pushing Manifests"). */
export async function putManifest(registryRequest: RegistryRequest, route: ManifestRoute): Promise<Result> {
  const { request, query, limits } = registryRequest;
  const tags = pushedTags(route.reference, query);
  if (tags instanceof RegistryError) return tags;
  const precondition = readPrecondition(request);
  if (precondition instanceof RegistryError) return precondition;
  const { manifestBytes, manifestBudget } = limits;
  const reservation = manifestBudget.open(registryRequest.client());
  const result = await withBoundedBody(request, manifestBytes, reservation, (content) =>
    storeManifest(registryRequest, route, { tags, precondition, content }),
  );
  switch (result) {
    case "too-long":
      return new RegistryError("manifestTooLarge", {
        message: `manifest is larger than ${manifestBytes} bytes`,
      });
    case "over-budget":
      return new RegistryError("tooManyBodies", { headers: RETRY });
    default:
      return result;
  }
}

async function storeManifest(
  { request, storage, trace }: RegistryRequest,
  { repository, reference }: ManifestRoute,
  { tags, precondition, content }: Pick<ManifestPush, "tags" | "precondition" | "content">,
): Promise<Result> {
  trace.received = content.length;
  const digest = digestOf(
    content,
    reference.kind === "digest" ? digestAlgorithm(reference.digest) : "sha256",
  );
  if (reference.kind === "digest" && reference.digest !== digest) {
    return new RegistryError("digestMismatch", { details: [{ expected: reference.digest, actual: digest }] });
  }
  const contentType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  const pushed = parsePushedManifest(content, contentType);
  if (pushed instanceof ManifestFault)
    return new RegistryError("manifestInvalid", { message: `manifest invalid: ${pushed.reason}` });
  const { manifest } = pushed;
  const fault = await referenceFault(storage, repository, pushed);
  if (fault) return fault;
  const result = await storage.putManifest(repository, { digest, content, manifest, tags, precondition });
  if (result.kind === "unmet") return unmetPrecondition(repository, result);
  if (result.kind === "immutable") {
    return new RegistryError("tagImmutable", {
      message: `the tag '${result.tag}' of '${repository}' is write-once and already points at ${result.current}`,
      details: [{ tag: result.tag, digest: result.current }],
    });
  }
  if (result.kind === "over-quota") return new RegistryError("quotaExceeded", { message: result.reason });
  const headers = new Headers({
    Location: `/v2/${repository}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
  });
  if (manifest.subject) headers.set("OCI-Subject", manifest.subject);
  if (reference.kind === "digest" && tags.length > 0) headers.set("OCI-Tag", tags.join(", "));
  return new Response(null, { status: 201, headers });
}

/** Why the repository does not hold what a manifest names, if it does not. */
async function referenceFault(
  storage: ManifestStorage,
  repository: RepositoryName,
  { manifest, named }: PushedManifest,
): Promise<RegistryError | undefined> {
  const { missing, missized, mistyped } = await storage.checkReferences(repository, manifest, named);
  if (missing.length > 0)
    return new RegistryError("manifestBlobUnknown", { details: missing.map((digest) => ({ digest })) });
  const [size] = missized;
  if (size) {
    return new RegistryError("manifestSizeMismatch", {
      message: `manifest invalid: it says that ${size.digest} has ${size.stated} bytes, but it has ${size.actual}`,
      details: missized,
    });
  }
  const [type] = mistyped;
  if (!type) return undefined;
  return new RegistryError("manifestInvalid", {
    message: `manifest invalid: it says that ${type.digest} is '${type.stated}', but it is '${type.actual}'`,
    details: mistyped,
  });
}

/** The tag in the path; for a digest in the path, the tags in the query. */
function pushedTags(reference: Reference, query: URLSearchParams): readonly Tag[] | RegistryError {
  if (reference.kind === "tag") return [reference.tag];
  const texts = [...new Set(query.getAll("tag"))];
  if (texts.length > MAX_TAGS)
    return new RegistryError("tagsTooMany", { message: `more than ${MAX_TAGS} query parameters 'tag'` });
  const tags = texts.flatMap((text) => parseTag(text) ?? []);
  return tags.length === texts.length ? tags : new RegistryError("tagsInvalid");
}

/** DELETE /v2/<name>/manifests/<reference> (distribution-spec, "Deleting tags" and "Deleting Manifests"). */
export async function deleteManifest(
  { request, storage }: RegistryRequest,
  { repository, reference }: ManifestRoute,
): Promise<Result> {
  const precondition = readPrecondition(request);
  if (precondition instanceof RegistryError) return precondition;
  const result = await storage.deleteManifest(repository, reference, precondition);
  if (result.kind === "unmet") return unmetPrecondition(repository, result);
  return result.kind === "deleted" ? new Response(null, { status: 202 }) : unknown(reference);
}

function unmetPrecondition(
  repository: RepositoryName,
  { reference, current }: UnmetPrecondition,
): RegistryError {
  const name = nameOf(reference);
  const what = `the ${reference.kind === "tag" ? "tag" : "manifest"} '${name}' of '${repository}'`;
  const is = reference.kind === "tag" ? `points at ${current}` : "exists";
  return new RegistryError("preconditionFailed", {
    message: `${what} ${current ? is : "does not exist"}, which the request's If-Match or If-None-Match rules out; nothing was changed`,
    details: [{ reference: name, ...(current && { digest: current }) }],
  });
}
