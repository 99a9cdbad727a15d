import type { Digest } from "../../../primitives/digest.ts";
import type { BlobRecency } from "../../../primitives/store/blobs/blob-recency.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import { getBlob } from "../../../registry/handlers/blobs.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoredBlob } from "../../../registry/model/storage.ts";
import { errorResponse, RegistryError } from "../../../registry/requests/errors.ts";
import type { RegistryRequest } from "../../../registry/requests/registry-request.ts";
import type { InstanceConfig } from "../settings/instance-config.ts";
import type { FeedAnswer, FeedRequest, HistoryFeed } from "./history-feed.ts";
import { HEAD_HEADER, HISTORY_TYPE, parseReplicaRoute } from "./replica-route.ts";

/** What the registry serves. */
interface FedView {
  readonly feed: HistoryFeed;
  readonly blobs: Pick<BlobStore, "open">;
  readonly recency: Pick<BlobRecency, "touch">;
  refresh(): Promise<void> | undefined;
}

export interface ReplicaRequest
  extends Pick<RegistryRequest, "request" | "path" | "query" | "trace" | "responseBodies"> {
  readonly config: InstanceConfig;
  readonly view: FedView;
  /** Whether the login may read the whole registry with its history. */
  readonly verdict: "allowed" | "denied" | "unauthorized";
  /** The WWW-Authenticate header of a 401 response. */
  readonly challenge: string;
}

/** Not the name of a repository: blobs are asked for by their digest alone. */
const ANY = "_" as RepositoryName;
const BUSY_RETRY_SECONDS = "5";
const TURN_MS = 2000;

/** Answers a replica of the registry, see `REPLICA_PREFIX`. Throws only for bugs and storage failures. */
export async function handleReplicaRequest(asked: ReplicaRequest): Promise<Response> {
  asked.trace.route = "replica";
  const result = await dispatch(asked);
  return result instanceof RegistryError ? errorResponse(result) : result;
}

async function dispatch(asked: ReplicaRequest): Promise<Response | RegistryError> {
  const { request, path, query, config, view, verdict, challenge } = asked;
  if (request.method !== "GET" && request.method !== "HEAD")
    return new RegistryError("methodNotAllowed", { headers: { Allow: "GET, HEAD" } });
  const { name, at } = config;
  if (verdict === "unauthorized")
    return new RegistryError("unauthorized", {
      message: `authentication required: a replica of '${name}' needs the login of a user who owns it`,
      headers: { "WWW-Authenticate": challenge },
    });
  if (verdict === "denied")
    return new RegistryError("denied", {
      message: `a replica of '${name}' reads all of it with its history, which requires the role owner on http/oci/${name}`,
    });
  const route = parseReplicaRoute(path, query);
  if (route instanceof RegistryError) return route;
  if (route.registry !== undefined && route.registry !== name)
    return notHere(`the registry at this host is '${name}', not '${route.registry}'`);
  if (at !== undefined) return notHere(`'${name}' serves a past state, which has no replicas`);
  if (route.kind === "history") return history(view.feed, route.request, request.signal);
  return getBlob({ ...asked, storage: blobsOf(view) }, { repository: ANY, digest: route.digest });
}

function notHere(message: string): RegistryError {
  return new RegistryError(["NAME_UNKNOWN", 404, message]);
}

async function history(
  feed: HistoryFeed,
  request: FeedRequest,
  gone: AbortSignal,
): Promise<Response | RegistryError> {
  const answer = await waitedFor(feed, request, gone);
  if (answer.kind === "busy")
    return new RegistryError("tooManyRequests", { headers: { "Retry-After": BUSY_RETRY_SECONDS } });
  const headers = { "Cache-Control": "no-store", ...(answer.head && { [HEAD_HEADER]: answer.head }) };
  if (answer.kind === "current") return new Response(null, { status: 204, headers });
  if (answer.kind === "diverged")
    return new RegistryError(["DENIED", 409, "the history has none of the commits that the replica has"], {
      headers,
    });
  const { body } = answer;
  return new Response(new Uint8Array(body), {
    headers: { ...headers, "Content-Type": HISTORY_TYPE, "Content-Length": String(body.length) },
  });
}

/** Waits in short turns, so that a replica that has gone does not take the place of another one for long. */
async function waitedFor(feed: HistoryFeed, request: FeedRequest, gone: AbortSignal): Promise<FeedAnswer> {
  let answer: FeedAnswer | undefined;
  for (let left = request.waitMs; ; left -= TURN_MS) {
    const next = await feed.page({ ...request, waitMs: Math.min(left, TURN_MS) });
    // Whoever lost its place between two turns asks again.
    answer = answer && next.kind === "busy" ? answer : next;
    if (next.kind !== "current" || left <= TURN_MS || gone.aborted) return answer;
  }
}

/** All blobs of the store, also those that only the history names. */
function blobsOf(view: FedView) {
  const { blobs, recency } = view;
  return {
    refresh: () => view.refresh(),
    async blob(_repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
      recency.touch(digest);
      const opened = await blobs.open(digest);
      if (!opened) return undefined;
      const { size, file, stream, body, redirect } = opened;
      return { size, content: file ?? stream, ...(body && { body }), ...(redirect && { redirect }) };
    },
  };
}
