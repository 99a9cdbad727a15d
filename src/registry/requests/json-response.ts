/** A short JSON answer that tells its length, so that what was sent can be counted. */
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
