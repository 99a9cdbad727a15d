import type { RepositoryName } from "../model/repository-name.ts";
import { RegistryError } from "./errors.ts";
import { parseRoute, type Route } from "./route.ts";

/** Endpoints by which requests are told apart: those of the distribution-spec, the one for tokens, and whatever is none. */
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
  "other",
] as const satisfies readonly (Route["kind"] | "token" | "other")[];
export type TracedRoute = (typeof TRACED_ROUTES)[number];

/** What becomes known of a request while it is answered, for logs and metrics. */
export interface RequestTrace {
  route: TracedRoute;
  repository: RepositoryName | undefined;
  /** Bytes of the body that were read. */
  received: number;
  /** Bytes of a body that the answer's headers do not tell. */
  sent: number;
}

/** Notes what a request is for; where its path is no endpoint's, that is the answer. */
export function traceRoute(path: string, trace: RequestTrace): Route | RegistryError {
  const route = parseRoute(path);
  if (route instanceof RegistryError) return route;
  trace.route = route.kind;
  if ("repository" in route) trace.repository = route.repository;
  return route;
}
