import { DIGEST_ALGORITHMS, type Digest, digestAlgorithm, parseDigest } from "../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../model/repository-name.ts";
import type { AppendFault, SessionId, TooManySessions } from "../model/storage.ts";
import { RegistryError } from "../requests/errors.ts";
import type { RegistryRequest, Result } from "../requests/registry-request.ts";
import { receiveChunk } from "../requests/upload-body.ts";

const SESSIONS_RETRY_SECONDS = "60";

interface UploadsRoute {
  readonly repository: RepositoryName;
}

interface UploadRoute extends UploadsRoute {
  readonly session: SessionId;
}

/**
 * POST /v2/<name>/blobs/uploads/ (distribution-spec, "Pushing blobs"): opens a session; with `mount`, mounts an existing
 * blob instead; with `digest`, stores the whole blob.
 */
export async function startUpload(
  registryRequest: RegistryRequest,
  { repository }: UploadsRoute,
): Promise<Result> {
  const { query, storage } = registryRequest;
  const mounted = await mount(registryRequest, repository);
  if (mounted) return mounted;
  const digestText = query.get("digest");
  if (digestText === null) {
    const algorithm = DIGEST_ALGORITHMS.find(
      (known) => known === (query.get("digest-algorithm") ?? "sha256"),
    );
    if (!algorithm) return new RegistryError("algorithmUnsupported");
    const session = await storage.startUpload(repository, algorithm);
    return typeof session === "string" ? sessionResponse(202, repository, session, 0) : tooMany(session);
  }
  const digest = parseDigest(digestText);
  if (!digest) return new RegistryError("digestInvalid");
  const session = await storage.startUpload(repository, digestAlgorithm(digest));
  if (typeof session !== "string") return tooMany(session);
  let isStored = false;
  try {
    const result = await finishUpload(registryRequest, { repository, session });
    isStored = !(result instanceof RegistryError);
    return result;
  } finally {
    // The client never learned the session's id.
    if (!isStored) await storage.cancelUpload(repository, session);
  }
}

function tooMany({ reason }: TooManySessions): RegistryError {
  return new RegistryError("tooManySessions", {
    message: reason,
    headers: { "Retry-After": SESSIONS_RETRY_SECONDS },
  });
}

/**
 * `undefined` if there is nothing to mount, for whatever reason: then a session is opened, which reveals nothing about other
 * repositories.
 */
async function mount(
  registryRequest: RegistryRequest,
  repository: RepositoryName,
): Promise<Result | undefined> {
  const { query, storage, access } = registryRequest;
  const digestText = query.get("mount");
  if (digestText === null) return undefined;
  const digest = parseDigest(digestText);
  if (!digest) return undefined;
  const fromText = query.get("from");
  const sources =
    fromText === null ? await storage.repositoriesWith(digest) : [parseRepositoryName(fromText)];
  const from = sources.find((source) => source && access.mayMountFrom(source));
  return from && (await storage.mountBlob(repository, digest, from))
    ? created(repository, digest)
    : undefined;
}

/** PATCH /v2/<name>/blobs/uploads/<session>: appends a chunk, or streams the whole blob. */
export async function appendUpload(registryRequest: RegistryRequest, route: UploadRoute): Promise<Result> {
  const { repository, session } = route;
  return receiveChunk(registryRequest, route, async (chunk) => {
    const result = await registryRequest.storage.appendUpload(repository, session, chunk);
    return result.kind === "appended"
      ? sessionResponse(202, repository, result.session, result.size)
      : uploadFault(result, repository, session);
  });
}

/** PUT /v2/<name>/blobs/uploads/<session>?digest=: appends the last chunk, if any, and ends the session. */
export async function finishUpload(registryRequest: RegistryRequest, route: UploadRoute): Promise<Result> {
  const { repository, session } = route;
  const digestText = registryRequest.query.get("digest");
  if (digestText === null) return new RegistryError("digestMissing");
  const digest = parseDigest(digestText);
  if (!digest) return new RegistryError("digestInvalid");
  return receiveChunk(registryRequest, route, async (chunk) => {
    const result = await registryRequest.storage.finishUpload(repository, session, chunk, digest);
    switch (result.kind) {
      case "stored":
        return created(repository, digest);
      case "mismatch":
        return new RegistryError("digestMismatch", {
          details: [{ expected: digest, actual: result.actual }],
        });
      default:
        return uploadFault(result, repository, session);
    }
  });
}

/** GET /v2/<name>/blobs/uploads/<session>: the session's progress. */
export async function uploadStatus(
  { storage }: RegistryRequest,
  { repository, session }: UploadRoute,
): Promise<Result> {
  const size = await storage.uploadSize(repository, session);
  return size === undefined
    ? new RegistryError("uploadUnknown")
    : sessionResponse(204, repository, session, size);
}

/** DELETE /v2/<name>/blobs/uploads/<session>; also ends the request that writes to the session. */
export async function cancelUpload(
  { storage }: RegistryRequest,
  { repository, session }: UploadRoute,
): Promise<Result> {
  const known = await storage.cancelUpload(repository, session);
  return known ? new Response(null, { status: 204 }) : new RegistryError("uploadUnknown");
}

function uploadFault(result: AppendFault, repository: RepositoryName, session: SessionId): RegistryError {
  switch (result.kind) {
    case "out-of-order":
      return new RegistryError("uploadOutOfOrder", {
        headers: sessionHeaders(repository, session, result.size),
      });
    case "short":
      return new RegistryError("sizeMismatch");
    case "interrupted":
      return new RegistryError("uploadInterrupted");
    case "busy":
      return new RegistryError("uploadBusy");
    case "unknown":
      return new RegistryError("uploadUnknown");
    case "cancelled":
      return new RegistryError("uploadCancelled");
    case "over-quota":
      return new RegistryError("quotaExceeded", { message: result.reason });
  }
}

function sessionResponse(
  status: number,
  repository: RepositoryName,
  session: SessionId,
  size: number,
): Response {
  return new Response(null, { status, headers: sessionHeaders(repository, session, size) });
}

function sessionHeaders(
  repository: RepositoryName,
  session: SessionId,
  size: number,
): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${session}`,
    "Docker-Upload-UUID": session,
    // Without the unit that HTTP's Range has; an empty session also reports 0-0.
    Range: `0-${Math.max(size - 1, 0)}`,
  };
}

function created(repository: RepositoryName, digest: Digest): Response {
  const headers = { Location: `/v2/${repository}/blobs/${digest}`, "Docker-Content-Digest": digest };
  return new Response(null, { status: 201, headers });
}
