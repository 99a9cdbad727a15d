/** The whole body, or `undefined` once it turns out to be longer than `limit` bytes. */
export async function readBounded(request: Request, limit: number): Promise<Uint8Array | undefined> {
  const length = request.headers.get("Content-Length");
  if (Number(length ?? 0) > limit) return undefined;
  // The runtime holds a client to the length that it gives; reading at once spares setting up a stream.
  if (length !== null) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
