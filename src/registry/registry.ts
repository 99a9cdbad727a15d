import { errorResponse, RegistryError } from "./errors.ts";
import type { Exchange, Result } from "./exchange.ts";
import { deleteBlob, getBlob } from "./handlers/blobs.ts";
import { deleteManifest, getManifest, putManifest } from "./handlers/manifests.ts";
import { listTags } from "./handlers/tags.ts";
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from "./handlers/uploads.ts";
import { parseRoute, type Route } from "./route.ts";

type Handler = () => Result | Promise<Result>;
type Permission = "pull" | "push" | "delete";

/** Handlers of one route by method, each with what it takes to be let in. */
type Methods = Readonly<Record<string, readonly [Permission, Handler]>>;

/** Answers one request of the distribution-spec. What it throws is a defect or a failure of the storage. */
export async function handleExchange(exchange: Exchange): Promise<Response> {
  const result = await dispatch(exchange);
  const response = result instanceof RegistryError ? errorResponse(result) : result;
  response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  return response;
}

function dispatch(exchange: Exchange): Result | Promise<Result> {
  const route = parseRoute(exchange.path);
  if (route instanceof RegistryError) return route;
  const { method } = exchange.request;
  if (route.kind === "base") return base(exchange);
  const methods = methodsOf(route, exchange);
  const found = methods[method];
  if (!found)
    return new RegistryError("methodNotAllowed", { headers: { Allow: Object.keys(methods).join(", ") } });
  const [permission, handler] = found;
  return refusal(exchange, permission, route) ?? handler();
}

function methodsOf(route: Exclude<Route, { kind: "base" }>, exchange: Exchange): Methods {
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
    case "tags":
      return { GET: ["pull", () => listTags(exchange, route)] };
  }
}

/** The same for what exists and what does not, so that a refusal tells nothing. */
function refusal(
  { access, challenge }: Exchange,
  permission: Permission,
  { repository }: Exclude<Route, { kind: "base" }>,
): RegistryError | undefined {
  const allowed = {
    pull: () => access.mayPull(repository),
    push: () => access.mayPush(repository),
    delete: () => access.mayDelete(repository),
  }[permission]();
  if (allowed) return undefined;
  if (!access.anonymous)
    return new RegistryError("denied", { message: `${permission} access to '${repository}' is denied` });
  return new RegistryError("unauthorized", { headers: { "WWW-Authenticate": challenge } });
}

/**
 * Clients learn here how to log in and check passwords here, so that nobody gets in without one, even where anybody may
 * pull (distribution-spec, "Determining Support").
 */
function base({ request, access, challenge }: Exchange): Result {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new RegistryError("methodNotAllowed", { headers: { Allow: "GET, HEAD" } });
  }
  if (access.anonymous)
    return new RegistryError("unauthorized", { headers: { "WWW-Authenticate": challenge } });
  return Response.json({});
}
