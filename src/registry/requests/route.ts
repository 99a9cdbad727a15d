import { ByteCache, detached } from "../../primitives/bounds/byte-cache.ts";
import { type Digest, parseDigest } from "../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../model/repository-name.ts";
import type { SessionId } from "../model/storage.ts";
import { parseReference, type Reference } from "../model/tag.ts";
import { RegistryError } from "./errors.ts";

/** An endpoint below one repository, with its parsed parameters. */
export type RepositoryRoute =
  | { readonly kind: "blob"; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: "uploads"; readonly repository: RepositoryName }
  | { readonly kind: "upload"; readonly repository: RepositoryName; readonly session: SessionId }
  | { readonly kind: "manifest"; readonly repository: RepositoryName; readonly reference: Reference }
  | { readonly kind: "referrers"; readonly repository: RepositoryName; readonly subject: Digest }
  | { readonly kind: "tags"; readonly repository: RepositoryName };

/** Capacity of the route cache, in bytes. */
const CACHE_BYTES = 4 * 1024 * 1024;
/** In characters. The longest valid path, with each character percent-encoded, is shorter. */
const MAX_PATH_LENGTH = 2048;
/** Estimated memory of a parsed route without its path. */
const ROUTE_BYTES = 300;

/** An endpoint of the distribution-spec. */
export type Route = { readonly kind: "base" | "catalog" } | RepositoryRoute;

/** Clients request few different paths again and again. */
const cache = new ByteCache<Route>(CACHE_BYTES);

/** `path` is percent-encoded, without query. */
export function parseRoute(path: string): Route | RegistryError {
  const cached = cache.get(path);
  if (cached) return cached;
  if (path.length > MAX_PATH_LENGTH) {
    return new RegistryError("pathInvalid", {
      message: `the path is longer than ${MAX_PATH_LENGTH} characters; a repository name has at most 255, a tag 128`,
    });
  }
  // `path` is a slice of the request target, which the cache would keep in memory with its query.
  const key = detached(path);
  const route = readRoute(key);
  if (!(route instanceof RegistryError)) cache.set(key, route, key.length * 2 + ROUTE_BYTES);
  return route;
}

function readRoute(path: string): Route | RegistryError {
  if (path === "/v2/" || path === "/v2") return { kind: "base" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  if (!path.startsWith("/v2/")) return new RegistryError("pathUnknown");
  let segments: string[];
  try {
    segments = path.slice("/v2/".length).split("/").map(decodeURIComponent);
  } catch {
    return new RegistryError("pathInvalid");
  }

  const last = segments.at(-1) ?? "";
  const named = (count: number, make: (repository: RepositoryName) => Route | RegistryError) => {
    const repository = parseRepositoryName(segments.slice(0, -count).join("/"));
    return repository ? make(repository) : new RegistryError("nameInvalid");
  };
  const withDigest = (make: (repository: RepositoryName, digest: Digest) => Route) =>
    named(2, (repository) => {
      const digest = parseDigest(last);
      return digest ? make(repository, digest) : new RegistryError("digestInvalid");
    });
  if (segments.at(-3) === "blobs" && segments.at(-2) === "uploads") {
    return named(3, (repository) =>
      last === ""
        ? { kind: "uploads", repository }
        : { kind: "upload", repository, session: last as SessionId },
    );
  }
  switch (segments.at(-2)) {
    case "blobs":
      return last === "uploads"
        ? named(2, (repository) => ({ kind: "uploads", repository }))
        : withDigest((repository, digest) => ({ kind: "blob", repository, digest }));
    case "manifests":
      return named(2, (repository) => {
        const reference = parseReference(last);
        if (reference) return { kind: "manifest", repository, reference };
        return new RegistryError(last.includes(":") ? "digestInvalid" : "referenceInvalid");
      });
    case "referrers":
      return withDigest((repository, subject) => ({ kind: "referrers", repository, subject }));
    case "tags":
      return last === "list"
        ? named(2, (repository) => ({ kind: "tags", repository }))
        : new RegistryError("pathUnknown");
    default:
      return new RegistryError("pathUnknown");
  }
}
