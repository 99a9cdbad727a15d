import { digestOf } from "../../src/primitives/digest.ts";

/** Pushes an image with one layer to a repository of any registry. */
export async function pushImageTo(
  url: string,
  repository: string,
  tag: string,
  { authorization, layer }: { readonly authorization?: string; readonly layer: Uint8Array },
): Promise<{ readonly manifest: Uint8Array<ArrayBuffer> }> {
  const base = `${url}/v2/${repository}`;
  const send = async (address: string, init: RequestInit & { headers?: Record<string, string> }) => {
    const headers = { ...init.headers, ...(authorization && { Authorization: authorization }) };
    const response = await fetch(address, { ...init, headers });
    if (!response.ok)
      throw new Error(`${init.method} ${address}: ${response.status} ${await response.text()}`);
    return response;
  };
  const pushBlob = async (bytes: Uint8Array) => {
    const started = await send(`${base}/blobs/uploads/`, { method: "POST" });
    const location = new URL(started.headers.get("location") ?? "", base);
    location.searchParams.set("digest", digestOf(bytes));
    await send(location.href, { method: "PUT", body: new Uint8Array(bytes) });
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const config = new Uint8Array(Buffer.from('{"architecture":"amd64","os":"linux"}'));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = new Uint8Array(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...(await pushBlob(config)) },
        layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...(await pushBlob(layer)) }],
      }),
    ),
  );
  await send(`${base}/manifests/${tag}`, {
    method: "PUT",
    body: manifest,
    headers: { "Content-Type": mediaType },
  });
  return { manifest };
}
