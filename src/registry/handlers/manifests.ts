import { digestAlgorithm, digestOf } from "../../primitives/digest.ts";
import { readBounded } from "../bounded-body.ts";
import { RegistryError } from "../errors.ts";
import type { Exchange, Result } from "../exchange.ts";
import { MAX_MANIFEST_BYTES, ManifestFault, parseManifest } from "../manifest.ts";
import type { RepositoryName } from "../repository-name.ts";
import type { Reference } from "../tag.ts";

interface ManifestRoute {
  readonly repository: RepositoryName;
  readonly reference: Reference;
}

const nameOf = (reference: Reference) => (reference.kind === "tag" ? reference.tag : reference.digest);

function unknown(reference: Reference): RegistryError {
  return new RegistryError("manifestUnknown", { details: [{ reference: nameOf(reference) }] });
}

/** GET and HEAD /v2/<name>/manifests/<reference> (distribution-spec, "Pulling manifests"). */
export async function getManifest(
  { request, storage }: Exchange,
  { repository, reference }: ManifestRoute,
): Promise<Result> {
  const manifest = await storage.manifest(repository, reference);
  if (!manifest) return unknown(reference);
  const headers = {
    "Content-Type": manifest.mediaType,
    "Content-Length": String(manifest.content.length),
    "Docker-Content-Digest": manifest.digest,
    ETag: `"${manifest.digest}"`,
  };
  return new Response(request.method === "HEAD" ? null : manifest.content, { headers });
}

/** PUT /v2/<name>/manifests/<reference> (distribution-spec, "Pushing Manifests"). */
export async function putManifest(
  { request, storage }: Exchange,
  { repository, reference }: ManifestRoute,
): Promise<Result> {
  const content = await readBounded(request, MAX_MANIFEST_BYTES);
  if (!content) return new RegistryError("manifestTooLarge");
  const digest = digestOf(
    content,
    reference.kind === "digest" ? digestAlgorithm(reference.digest) : "sha256",
  );
  if (reference.kind === "digest" && reference.digest !== digest) {
    return new RegistryError("digestMismatch", { details: [{ expected: reference.digest, actual: digest }] });
  }
  const contentType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  const manifest = parseManifest(content, contentType);
  if (manifest instanceof ManifestFault) {
    return new RegistryError("manifestInvalid", { message: `manifest invalid: ${manifest.reason}` });
  }
  const missing = await storage.missingReferences(repository, manifest);
  if (missing.length > 0) {
    return new RegistryError("manifestBlobUnknown", {
      details: missing.map((lacking) => ({ digest: lacking })),
    });
  }
  await storage.putManifest(repository, {
    digest,
    content,
    manifest,
    tag: reference.kind === "tag" ? reference.tag : undefined,
  });
  const headers = { Location: `/v2/${repository}/manifests/${digest}`, "Docker-Content-Digest": digest };
  return new Response(null, { status: 201, headers });
}

/** DELETE /v2/<name>/manifests/<reference> (distribution-spec, "Deleting tags" and "Deleting Manifests"). */
export async function deleteManifest(
  { storage }: Exchange,
  { repository, reference }: ManifestRoute,
): Promise<Result> {
  const deleted = await storage.deleteManifest(repository, reference);
  return deleted ? new Response(null, { status: 202 }) : unknown(reference);
}
