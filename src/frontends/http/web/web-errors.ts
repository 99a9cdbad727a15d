import { problem } from "../../../backends/web/api/problem.ts";
import { SECURITY_HEADERS, UNCACHED } from "../../../backends/web/requests/security-headers.ts";
import type { RegistryError } from "../../../registry/requests/errors.ts";
import { asksForPage, plainErrorPage } from "./plain-page.ts";

const API = "/api/";

/**
 * An error before the backend of the pages, or of it: a problem document in the API, a page for browsers; `undefined` for other
 * clients and paths, which get the spec's error.
 */
export function webErrorResponse(request: Request, path: string, error: RegistryError): Response | undefined {
  if (!path.startsWith(API)) return asksForPage(request, path) ? plainErrorPage(error) : undefined;
  const { status, message } = error;
  const all = { ...UNCACHED, ...SECURITY_HEADERS, ...error.headers };
  const { headers, body } = problem({ status, words: message }, all);
  return new Response(body, { status, headers: { ...headers } });
}
