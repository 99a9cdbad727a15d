/** A JSON answer that tells its length, so that what was sent can be counted. `value` as it is if it is encoded already. */
export function jsonResponse(
  value: object | Uint8Array<ArrayBuffer>,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const body = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value));
  return new Response(body, {
    status,
    headers: { "Content-Type": "application/json", ...headers, "Content-Length": String(body.length) },
  });
}
