import { deleteBlob, getBlob } from "./handlers/blobs.ts";
import { listRepositories } from "./handlers/catalog.ts";
import { deleteManifest, getManifest, putManifest } from "./handlers/manifests.ts";
import { listReferrers } from "./handlers/referrers.ts";
import { listTags } from "./handlers/tags.ts";
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from "./handlers/uploads.ts";
import type { Permission, Verdict } from "./model/access.ts";
import type { RepositoryName } from "./model/repository-name.ts";
import { UnobtainableError, type UnobtainableKind } from "./model/unobtainable.ts";
import { errorResponse, type FaultName, RegistryError } from "./requests/errors.ts";
import { jsonResponse } from "./requests/json-response.ts";
import type { ChallengeScope, RegistryRequest, Result } from "./requests/registry-request.ts";
import type { RepositoryRoute } from "./requests/route.ts";
import { traceRoute } from "./requests/trace.ts";

type Handler = () => Result | Promise<Result>;

/** Handlers of one route by HTTP method, each with the permission that it requires. */
type Methods = Readonly<Record<string, readonly [Permission, Handler]>>;

/** Handles one request of the distribution-spec. It throws only for bugs and storage failures. */
export async function handleRegistryRequest(registryRequest: RegistryRequest): Promise<Response> {
  const result = await dispatched(registryRequest);
  const response = result instanceof RegistryError ? errorResponse(result) : result;
  response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  return response;
}

async function dispatched(registryRequest: RegistryRequest): Promise<Result> {
  try {
    return await dispatch(registryRequest);
  } catch (error) {
    if (error instanceof UnobtainableError) return unobtainable(error);
    throw error;
  }
}

const UNOBTAINABLE: Readonly<Record<UnobtainableKind, FaultName>> = {
  limited: "tooManyRequests",
  away: "unavailable",
  unsound: "upstreamUnsound",
  refused: "quotaExceeded",
};

function unobtainable({ kind, message, retryAfterSeconds }: UnobtainableError): RegistryError {
  const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
  return new RegistryError(UNOBTAINABLE[kind], { message, headers });
}

function dispatch(registryRequest: RegistryRequest): Result | Promise<Result> {
  const route = traceRoute(registryRequest.path, registryRequest.trace);
  if (route instanceof RegistryError) return route;
  switch (route.kind) {
    case "base":
      return refuseWrites(registryRequest) ?? checkSupport(registryRequest);
    case "catalog":
      return (
        refuseWrites(registryRequest) ??
        refusal(registryRequest, registryRequest.access.checkCatalog(), "catalog") ??
        listRepositories(registryRequest)
      );
    default:
      return dispatchToRepository(registryRequest, route);
  }
}

function dispatchToRepository(
  registryRequest: RegistryRequest,
  route: RepositoryRoute,
): Result | Promise<Result> {
  const methods = methodsOf(route, registryRequest);
  const found = methods[registryRequest.request.method];
  if (!found) return methodNotAllowed(Object.keys(methods));
  const [permission, handler] = found;
  const { repository } = route;
  const verdict = registryRequest.access.check(permission, repository);
  return (
    refusal(registryRequest, verdict, { permission, repository }) ??
    refuseIfReadOnly(registryRequest, { permission, repository }, methods) ??
    handler()
  );
}

function methodsOf(route: RepositoryRoute, registryRequest: RegistryRequest): Methods {
  switch (route.kind) {
    case "blob":
      return {
        ...reading("pull", () => getBlob(registryRequest, route)),
        DELETE: ["delete", () => deleteBlob(registryRequest, route)],
      };
    case "uploads":
      return { POST: ["push", () => startUpload(registryRequest, route)] };
    case "upload":
      return {
        ...reading("push", () => uploadStatus(registryRequest, route)),
        PATCH: ["push", () => appendUpload(registryRequest, route)],
        PUT: ["push", () => finishUpload(registryRequest, route)],
        DELETE: ["push", () => cancelUpload(registryRequest, route)],
      };
    case "manifest":
      return {
        ...reading("pull", () => getManifest(registryRequest, route)),
        PUT: ["push", () => putManifest(registryRequest, route)],
        DELETE: ["delete", () => deleteManifest(registryRequest, route)],
      };
    case "referrers":
      return reading("pull", () => listReferrers(registryRequest, route));
    case "tags":
      return reading("pull", () => listTags(registryRequest, route));
  }
}

/** The runtime drops the body of a response to HEAD (RFC 9110, section 9.1: servers support it wherever they support GET). */
function reading(permission: Permission, handler: Handler): Methods {
  return { GET: [permission, handler], HEAD: [permission, handler] };
}

function methodNotAllowed(allowed: readonly string[]): RegistryError {
  return new RegistryError("methodNotAllowed", { headers: { Allow: allowed.join(", ") } });
}

function refuseWrites({ request }: RegistryRequest): RegistryError | undefined {
  const allowed = ["GET", "HEAD"];
  return allowed.includes(request.method) ? undefined : methodNotAllowed(allowed);
}

function refuseIfReadOnly(
  registryRequest: RegistryRequest,
  { permission, repository }: { readonly permission: Permission; readonly repository: RepositoryName },
  methods: Methods,
): RegistryError | undefined {
  const { readOnly } = registryRequest;
  const message =
    readOnly ?? (permission === "push" ? registryRequest.refusesPushes?.(repository) : undefined);
  if (message === undefined || permission === "pull") return undefined;
  const reading = Object.entries(methods).flatMap(([method, [needed]]) =>
    needed === "pull" || (readOnly === undefined && needed === "delete") ? [method] : [],
  );
  return new RegistryError("readOnly", {
    headers: { Allow: reading.join(", ") },
    message,
  });
}

/** The same response whether the repository exists or not, so that it reveals nothing. */
function refusal(
  registryRequest: RegistryRequest,
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
    headers: { "WWW-Authenticate": registryRequest.challenge(scope) },
  });
}

/**
 * GET /v2/ (distribution-spec, "Determining Support"). `docker login` checks passwords here, so a request without
 * credentials gets 401 even if `anon` may pull.
 */
function checkSupport(registryRequest: RegistryRequest): Result {
  const verdict = registryRequest.access.identified ? "allowed" : "unauthorized";
  return refusal(registryRequest, verdict, undefined) ?? jsonResponse({});
}
