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
 * POST /v2/<name>/blobs/uploads/ (distribution-spec, "Pushing blobs"): a new session; with `mount`, an existing blob
 * instead; with `digest`, the whole blob at once.
 */
export async function startUpload(exchange: RegistryRequest, { repository }: UploadsRoute): Promise<Result> {
  const { query, storage } = exchange;
  const mounted = await mount(exchange, repository);
  if (mounted) return mounted;
  const wanted = query.get("digest");
  if (wanted === null) {
    const algorithm = DIGEST_ALGORITHMS.find(
      (known) => known === (query.get("digest-algorithm") ?? "sha256"),
    );
    if (!algorithm) return new RegistryError("algorithmUnsupported");
    const session = await storage.startUpload(repository, algorithm);
    return typeof session === "string" ? sessionResponse(202, repository, session, 0) : tooMany(session);
  }
  const digest = parseDigest(wanted);
  if (!digest) return new RegistryError("digestInvalid");
  const session = await storage.startUpload(repository, digestAlgorithm(digest));
  if (typeof session !== "string") return tooMany(session);
  let isStored = false;
  try {
    const result = await finishUpload(exchange, { repository, session });
    isStored = !(result instanceof RegistryError);
    return result;
  } finally {
    // The client does not know of the session.
    if (!isStored) await storage.cancelUpload(repository, session);
  }
}

function tooMany({ reason }: TooManySessions): RegistryError {
  return new RegistryError("tooManySessions", {
    message: reason,
    headers: { "Retry-After": SESSIONS_RETRY_SECONDS },
  });
}

/** A mount that can't be done falls back to a session; that it failed tells nothing of other repositories. */
async function mount(exchange: RegistryRequest, repository: RepositoryName): Promise<Result | undefined> {
  const { query, storage, access } = exchange;
  const wanted = query.get("mount");
  if (wanted === null) return undefined;
  const digest = parseDigest(wanted);
  if (!digest) return new RegistryError("digestInvalid");
  const named = query.get("from");
  const sources = named === null ? await storage.repositoriesWith(digest) : [parseRepositoryName(named)];
  const from = sources.find((source) => source && access.mayMountFrom(source));
  return from && (await storage.mountBlob(repository, digest, from))
    ? created(repository, digest)
    : undefined;
}

/** PATCH /v2/<name>/blobs/uploads/<session>: a chunk, or all of it streamed. */
export async function appendUpload(exchange: RegistryRequest, route: UploadRoute): Promise<Result> {
  const { repository, session } = route;
  return receiveChunk(exchange, route, async (chunk) => {
    const result = await exchange.storage.appendUpload(repository, session, chunk);
    return result.kind === "appended"
      ? sessionResponse(202, repository, session, result.size)
      : uploadFault(result, repository, session);
  });
}

/** PUT /v2/<name>/blobs/uploads/<session>?digest=: the last chunk, if any, and the end of the session. */
export async function finishUpload(exchange: RegistryRequest, route: UploadRoute): Promise<Result> {
  const { repository, session } = route;
  const wanted = exchange.query.get("digest");
  if (wanted === null) return new RegistryError("digestMissing");
  const digest = parseDigest(wanted);
  if (!digest) return new RegistryError("digestInvalid");
  return receiveChunk(exchange, route, async (chunk) => {
    const result = await exchange.storage.finishUpload(repository, session, chunk, digest);
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

/** GET /v2/<name>/blobs/uploads/<session>: how far it is. */
export async function uploadStatus(
  { storage }: RegistryRequest,
  { repository, session }: UploadRoute,
): Promise<Result> {
  const size = await storage.uploadSize(repository, session);
  return size === undefined
    ? new RegistryError("uploadUnknown")
    : sessionResponse(204, repository, session, size);
}

/** DELETE /v2/<name>/blobs/uploads/<session>. */
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
    // Without a unit, unlike HTTP's; an empty session reads 0-0 as well.
    Range: `0-${Math.max(size - 1, 0)}`,
  };
}

function created(repository: RepositoryName, digest: Digest): Response {
  const headers = { Location: `/v2/${repository}/blobs/${digest}`, "Docker-Content-Digest": digest };
  return new Response(null, { status: 201, headers });
}
