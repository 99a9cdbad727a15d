import type { RepositoryName } from "../model/repository-name.ts";
import { RegistryError } from "./errors.ts";
import { parseRoute, type Route } from "./route.ts";

/** Endpoints as logs and metrics count them: those of the distribution-spec, the token endpoint, pages and their API, what replicas ask for, and all other paths. */
export const TRACED_ROUTES = [
  "base",
  "catalog",
  "blob",
  "uploads",
  "upload",
  "manifest",
  "referrers",
  "tags",
  "token",
  "page",
  "api",
  "replica",
  "other",
] as const satisfies readonly (Route["kind"] | "token" | "page" | "api" | "replica" | "other")[];
export type TracedRoute = (typeof TRACED_ROUTES)[number];

/** Facts about a request, collected for logs and metrics while it is handled. */
export interface RequestTrace {
  route: TracedRoute;
  repository: RepositoryName | undefined;
  /** Bytes read of the request body. */
  received: number;
  /** Bytes of a response body that has no Content-Length. */
  sent: number;
}

/** Parses the path and records route and repository in the trace. */
export function traceRoute(path: string, trace: RequestTrace): Route | RegistryError {
  const route = parseRoute(path);
  if (route instanceof RegistryError) return route;
  trace.route = route.kind;
  if ("repository" in route) trace.repository = route.repository;
  return route;
}
