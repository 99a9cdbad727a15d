const HTTPS_PORT = 443;

/** Leads a client of HTTP to HTTPS; 308 is permanent and keeps the method and body. */
export function tlsRedirect(
  { host, port, path }: { readonly host: string; readonly port: number; readonly path: string },
  query: URLSearchParams,
): Response {
  const url = `https://${host}${port === HTTPS_PORT ? "" : `:${port}`}${path}`;
  const Location = query.size > 0 ? `${url}?${query}` : url;
  return new Response(null, { status: 308, headers: { Location } });
}
