const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a request that changes something may count with the credentials that a browser adds by itself, a cookie or a
 * remembered Basic login: not one that another site's page has sent. Browsers tell by `Sec-Fetch-Site`, older ones by `Origin`.
 * Other clients send neither.
 */
export function isOfSameOrigin({ method, headers }: Request, host: string): boolean {
  if (SAFE_METHODS.has(method)) return true;
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null) return site === "same-origin" || site === "none";
  return isOriginOf(headers, host);
}

/**
 * Whether the session's cookie counts for a request, which a browser also sends for pages of other hosts of the same domain, and of
 * other ports: for what its user opens, and for what pages of this origin read. So also an allowed origin (CORS) reads nothing by it.
 */
export function mayUseSession({ headers }: Request, host: string): boolean {
  const site = headers.get("Sec-Fetch-Site");
  const isOwn = site === null || site === "same-origin" || site === "none";
  return isOriginOf(headers, host) && (isOwn || headers.get("Sec-Fetch-Mode") === "navigate");
}

/** Whether the Origin header, if any, is of the host. */
function isOriginOf(headers: Headers, host: string): boolean {
  const origin = headers.get("Origin");
  // The scheme isn't compared: a proxy may end TLS.
  return origin === null || URL.parse(origin)?.host === host.toLowerCase();
}
