/** A short JSON response with a Content-Length, from which the metrics count the bytes sent. */
export function jsonResponse(
  value: object,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const body = Buffer.from(JSON.stringify(value));
  return new Response(body, {
    status,
    headers: { "Content-Type": "application/json", ...headers, "Content-Length": String(body.length) },
  });
}
