import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { RegistryError } from "../../../registry/requests/errors.ts";
import type { FeedRequest } from "./history-feed.ts";

/**
 * Below it is what replicas of a registry ask for: an extension of the distribution-spec ("Extensions"), in a namespace that
 * no repository can have.
 */
export const REPLICA_PREFIX = "/v2/_everlock/replica/";
export const HISTORY = "history";
export const BLOBS = "blobs/";
export const HISTORY_TYPE = "application/vnd.everlock.history.v1+zstd";
/** The newest commit, where a response has no page. */
export const HEAD_HEADER = "Everlock-Head";

/** The bound of a request by the length of its address. */
export const MAX_HAVES = 40;
/** Less than what proxies allow a response to take. */
export const MAX_WAIT_SECONDS = 25;

export type ReplicaRoute =
  | { readonly kind: "history"; readonly registry: string | undefined; readonly request: FeedRequest }
  | { readonly kind: "blob"; readonly registry: string | undefined; readonly digest: Digest };

/** Names and numbers are checked; `path` begins with the prefix. */
export function parseReplicaRoute(path: string, query: URLSearchParams): ReplicaRoute | RegistryError {
  const rest = path.slice(REPLICA_PREFIX.length);
  const registry = query.get("registry") ?? undefined;
  if (rest.startsWith(BLOBS)) {
    const digest = parseDigest(rest.slice(BLOBS.length).replace("%3A", ":"));
    return digest ? { kind: "blob", registry, digest } : new RegistryError("digestInvalid");
  }
  if (rest !== HISTORY) return new RegistryError("pathUnknown");
  const texts = query.getAll("have");
  const haves = texts.map(parseObjectId).filter((id) => id !== undefined);
  if (haves.length !== texts.length || haves.length > MAX_HAVES)
    return invalid(`'have' must be the id of a commit, up to ${MAX_HAVES} times`);
  const skip = wholeNumber(query.get("skip"));
  const wait = wholeNumber(query.get("wait"));
  if (skip === undefined || wait === undefined) return invalid("'skip' and 'wait' must be whole numbers");
  const waitMs = Math.min(wait, MAX_WAIT_SECONDS) * 1000;
  return { kind: "history", registry, request: { haves, skip, waitMs } };
}

function wholeNumber(text: string | null): number | undefined {
  if (text === null) return 0;
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function invalid(message: string): RegistryError {
  return new RegistryError(["UNSUPPORTED", 400, message]);
}
