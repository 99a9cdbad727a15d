import { deleteBlob, getBlob } from "./handlers/blobs.ts";
import { listRepositories } from "./handlers/catalog.ts";
import { deleteManifest, getManifest, putManifest } from "./handlers/manifests.ts";
import { listReferrers } from "./handlers/referrers.ts";
import { listTags } from "./handlers/tags.ts";
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from "./handlers/uploads.ts";
import type { Permission, Verdict } from "./model/access.ts";
import { errorResponse, RegistryError } from "./requests/errors.ts";
import { jsonResponse } from "./requests/json-response.ts";
import type { ChallengeScope, RegistryRequest, Result } from "./requests/registry-request.ts";
import type { RepositoryRoute } from "./requests/route.ts";
import { traceRoute } from "./requests/trace.ts";

type Handler = () => Result | Promise<Result>;

/** Handlers of one route by method, each with what it takes to be let in. */
type Methods = Readonly<Record<string, readonly [Permission, Handler]>>;

/** Answers one request of the distribution-spec. What it throws is a defect or a failure of the storage. */
export async function answerRegistryRequest(exchange: RegistryRequest): Promise<Response> {
  const result = await dispatch(exchange);
  const response = result instanceof RegistryError ? errorResponse(result) : result;
  response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  return response;
}

function dispatch(exchange: RegistryRequest): Result | Promise<Result> {
  const route = traceRoute(exchange.path, exchange.trace);
  if (route instanceof RegistryError) return route;
  switch (route.kind) {
    case "base":
      return readOnly(exchange) ?? base(exchange);
    case "catalog":
      return (
        readOnly(exchange) ??
        refusal(exchange, exchange.access.checkCatalog(), "catalog") ??
        listRepositories(exchange)
      );
    default:
      return dispatchToRepository(exchange, route);
  }
}

function dispatchToRepository(exchange: RegistryRequest, route: RepositoryRoute): Result | Promise<Result> {
  const methods = methodsOf(route, exchange);
  const found = methods[exchange.request.method];
  if (!found) return methodNotAllowed(Object.keys(methods));
  const [permission, handler] = found;
  const { repository } = route;
  const verdict = exchange.access.check(permission, repository);
  return refusal(exchange, verdict, { permission, repository }) ?? frozen(exchange, permission) ?? handler();
}

function methodsOf(route: RepositoryRoute, exchange: RegistryRequest): Methods {
  switch (route.kind) {
    case "blob": {
      const get = () => getBlob(exchange, route);
      return {
        GET: ["pull", get],
        HEAD: ["pull", get],
        DELETE: ["delete", () => deleteBlob(exchange, route)],
      };
    }
    case "uploads":
      return { POST: ["push", () => startUpload(exchange, route)] };
    case "upload":
      return {
        GET: ["push", () => uploadStatus(exchange, route)],
        PATCH: ["push", () => appendUpload(exchange, route)],
        PUT: ["push", () => finishUpload(exchange, route)],
        DELETE: ["push", () => cancelUpload(exchange, route)],
      };
    case "manifest": {
      const get = () => getManifest(exchange, route);
      return {
        GET: ["pull", get],
        HEAD: ["pull", get],
        PUT: ["push", () => putManifest(exchange, route)],
        DELETE: ["delete", () => deleteManifest(exchange, route)],
      };
    }
    case "referrers":
      return { GET: ["pull", () => listReferrers(exchange, route)] };
    case "tags":
      return { GET: ["pull", () => listTags(exchange, route)] };
  }
}

function methodNotAllowed(allowed: readonly string[]): RegistryError {
  return new RegistryError("methodNotAllowed", { headers: { Allow: allowed.join(", ") } });
}

function readOnly({ request }: RegistryRequest): RegistryError | undefined {
  const allowed = ["GET", "HEAD"];
  return allowed.includes(request.method) ? undefined : methodNotAllowed(allowed);
}

function frozen({ frozenAt }: RegistryRequest, permission: Permission): RegistryError | undefined {
  if (frozenAt === undefined || permission === "pull") return undefined;
  return new RegistryError("frozen", {
    message: `this registry is read-only: it serves the state at the commit ${frozenAt}`,
  });
}

/** The same for what exists and what does not, so that a refusal tells nothing. */
function refusal(
  exchange: RegistryRequest,
  verdict: Verdict,
  scope: ChallengeScope,
): RegistryError | undefined {
  if (verdict === "allowed") return undefined;
  if (verdict === "denied" && typeof scope === "object") {
    return new RegistryError("denied", {
      message: `${scope.permission} access to '${scope.repository}' is denied`,
    });
  }
  return new RegistryError("unauthorized", {
    ...(typeof scope === "object" && {
      message: `authentication required: log in to ${scope.permission} '${scope.repository}'`,
    }),
    headers: { "WWW-Authenticate": exchange.challenge(scope) },
  });
}

/**
 * Clients learn here how to log in and check passwords here, so that nobody gets in without one, even where anybody may
 * pull (distribution-spec, "Determining Support").
 */
function base(exchange: RegistryRequest): Result {
  const verdict = exchange.access.identified ? "allowed" : "unauthorized";
  return refusal(exchange, verdict, undefined) ?? jsonResponse({});
}
