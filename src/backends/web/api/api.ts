import type { WebResponse } from "../requests/web-calls.ts";
import type { WebContext } from "../requests/web-context.ts";
import { type ApiRoute, Download } from "./api-route.ts";
import { API_ROUTES } from "./api-table.ts";
import { openApiDocument } from "./openapi.ts";
import { problem } from "./problem.ts";

export const API_PREFIX = "/api/v1";
const DOCUMENT_PATH = "/openapi.json";
/** What users have pushed, such as HTML or SVG, never runs with the rights of these pages, however a browser opens it. */
const DOWNLOAD_HEADERS = { "Content-Security-Policy": "default-src 'none'; sandbox" };

/** Handles a request for the API; `path` is that below `/api/v1`. */
export async function handleApi(context: WebContext, path: string): Promise<WebResponse> {
  const { method } = context.request;
  if (path === DOCUMENT_PATH) return document(context);
  const found = routesAt(path);
  if (found.length === 0) return problem({ status: 404, words: `the API has no '${API_PREFIX}${path}'` });
  const chosen = found.find(({ route }) => route.method === (method === "HEAD" ? "GET" : method));
  if (!chosen) {
    const Allow = found
      .flatMap(({ route: { method } }) => (method === "GET" ? ["GET", "HEAD"] : method))
      .join(", ");
    return problem({ status: 405, words: `the method ${method} is not one of ${Allow}` }, { Allow });
  }
  const { route, values } = chosen;
  const body = route.body && bodyOf(context);
  if (body && "fault" in body) return problem(body.fault);
  const result = await route.call(context, values, body?.json);
  if (result instanceof Download)
    return { status: 200, headers: DOWNLOAD_HEADERS, body: null, download: result.of };
  return route.response ? json(result) : { status: 204, headers: {}, body: null };
}

function document({ request: { method }, links }: WebContext): WebResponse {
  if (method === "GET" || method === "HEAD") return json(openApiDocument(API_ROUTES, links.now("")));
  const Allow = "GET, HEAD";
  return problem({ status: 405, words: `the method ${method} is not one of ${Allow}` }, { Allow });
}

function routesAt(
  path: string,
): { readonly route: ApiRoute; readonly values: Readonly<Record<string, string>> }[] {
  return API_ROUTES.flatMap((route) => {
    const values = route.pattern.match(path);
    return values ? [{ route, values }] : [];
  });
}

/** Only JSON is read: an HTML form of another site can't send it. */
function bodyOf({
  request,
}: WebContext): { readonly json: unknown } | { readonly fault: { status: number; words: string } } {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    return { fault: { status: 415, words: "the body must be JSON, with Content-Type: application/json" } };
  try {
    return { json: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(request.body)) };
  } catch {
    return { fault: { status: 400, words: "the body is not valid JSON" } };
  }
}

function json(value: unknown): WebResponse {
  return { status: 200, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
}
