import { TOKEN_PATH } from "../../../backends/oci-http/instances/challenge.ts";

/** The parameter in which containerd names the registry that an image is from, when it asks another one for it. */
const PARAMETER = "ns";
const API = "/v2/";

/** The upstream that a request names; `path` is without the path prefix. */
export function upstreamNameIn(path: string, query: URLSearchParams): string | undefined {
  if (query.size === 0 || !(path.startsWith(API) || path === TOKEN_PATH)) return undefined;
  return query.get(PARAMETER) ?? undefined;
}

/** Adds the name to what leads the client to its next request, which must reach the same registry. */
export function keepUpstreamName(headers: Headers, name: string): void {
  const parameter = `${PARAMETER}=${encodeURIComponent(name)}`;
  const location = headers.get("Location");
  if (location?.startsWith("/")) headers.set("Location", withParameter(location, parameter));
  const link = headers.get("Link");
  if (link?.startsWith("</"))
    headers.set(
      "Link",
      link.replace(/^<([^>]*)>/, (_, target: string) => `<${withParameter(target, parameter)}>`),
    );
  const challenge = headers.get("WWW-Authenticate");
  if (challenge?.startsWith("Bearer "))
    headers.set("WWW-Authenticate", challenge.replace(`${TOKEN_PATH}"`, `${TOKEN_PATH}?${parameter}"`));
}

function withParameter(target: string, parameter: string): string {
  return `${target}${target.includes("?") ? "&" : "?"}${parameter}`;
}
