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
  const origin = headers.get("Origin");
  // The scheme isn't compared: a proxy may end TLS.
  return origin === null || URL.parse(origin)?.host === host.toLowerCase();
}
