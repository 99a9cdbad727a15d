import { type Digest, digestOf } from "../../../src/primitives/digest.ts";
import type { RegistryClient } from "../registry-client.ts";

export const IMAGE = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json";
export const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

export interface Pushed {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Uploads content that a manifest can name. */
export async function pushBlob(
  client: RegistryClient,
  content: string | Uint8Array,
  mediaType: string,
): Promise<Pushed> {
  const bytes = Buffer.from(content);
  return { mediaType, digest: await client.pushBlob(bytes), size: bytes.length };
}

/** Pushes a manifest of any form; without a tag, by its digest. */
export async function pushManifest(
  client: RegistryClient,
  tag: string | undefined,
  json: Readonly<Record<string, unknown>>,
  mediaType = IMAGE,
): Promise<Pushed> {
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, ...json });
  const digest = digestOf(Buffer.from(manifest));
  const response = await client.putManifest(tag ?? digest, manifest, mediaType);
  if (response.status !== 201) throw new Error(`PUT answered ${response.status}: ${await response.text()}`);
  return { mediaType, digest, size: Buffer.byteLength(manifest) };
}

/** A configuration such as podman writes for an image that is built in steps, one of them without a layer. */
export function builtConfig(
  config: Readonly<Record<string, unknown>>,
  layers: readonly string[] = ["RUN make"],
  architecture = "amd64",
): string {
  const created = "2026-01-02T03:04:05Z";
  return JSON.stringify({
    ...{ created, architecture, os: "linux", config, rootfs: { type: "layers", diff_ids: [] } },
    history: [
      { created, created_by: "ENV A=1", empty_layer: true },
      ...layers.map((created_by) => ({ created, created_by })),
    ],
  });
}

interface ImageOptions {
  readonly config?: string | Uint8Array;
  readonly layers?: readonly Pushed[];
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Pushes an image whose configuration is given. */
export async function pushBuilt(
  client: RegistryClient,
  tag: string | undefined,
  { config = builtConfig({}), layers = [], more = {} }: ImageOptions,
): Promise<Pushed> {
  const described = await pushBlob(client, config, IMAGE_CONFIG);
  return pushManifest(client, tag, { config: described, layers, ...more });
}
