import { type Digest, digestOf } from "../../src/primitives/digest.ts";
import { randomBytes } from "./random-bytes.ts";

const IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** A raw client of the distribution-spec for one repository. */
export class RegistryClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(
    port: number,
    repository: string,
    credentials: string | null = "alice:change-me",
    host = "localhost",
  ) {
    this.#base = `http://127.0.0.1:${port}/v2/${repository}`;
    this.#headers = { Host: host };
    if (credentials) this.#headers["Authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
  }

  /** `path` is relative to the repository, or absolute as in a Location header. */
  fetch(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
    const url = path.startsWith("/") ? new URL(path, this.#base).href : `${this.#base}/${path}`;
    return fetch(url, { ...init, headers: { ...this.#headers, ...init.headers } });
  }

  async startUpload(): Promise<string> {
    const response = await this.fetch("blobs/uploads/", { method: "POST" });
    if (response.status !== 202)
      throw new Error(`POST answered ${response.status}: ${await response.text()}`);
    return response.headers.get("Location") ?? "";
  }

  /** Uploads like podman: POST, PATCH, PUT. */
  async pushBlob(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    const location = await this.startUpload();
    const patched = await this.fetch(location, { method: "PATCH", body: new Uint8Array(bytes) });
    if (patched.status !== 202) throw new Error(`PATCH answered ${patched.status}: ${await patched.text()}`);
    const finished = await this.fetch(`${patched.headers.get("Location")}?digest=${digest}`, {
      method: "PUT",
    });
    if (finished.status !== 201) throw new Error(`PUT answered ${finished.status}: ${await finished.text()}`);
    return digest;
  }

  putManifest(
    reference: string,
    manifest: string | Uint8Array<ArrayBuffer>,
    contentType = IMAGE_MANIFEST,
  ): Promise<Response> {
    return this.fetch(`manifests/${reference}`, {
      method: "PUT",
      body: manifest,
      headers: { "Content-Type": contentType },
    });
  }

  /** Pushes a new image with one random layer; returns its manifest. */
  async pushImage(
    tag: string,
    layerBytes = 10_000,
  ): Promise<{ manifest: string; digest: Digest; layer: Digest }> {
    const layer = randomBytes(layerBytes);
    const config = Buffer.from(
      JSON.stringify({ architecture: "amd64", os: "linux", id: crypto.randomUUID() }),
    );
    const [configDigest, layerDigest] = await Promise.all([this.pushBlob(config), this.pushBlob(layer)]);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: IMAGE_MANIFEST,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: configDigest,
        size: config.length,
      },
      layers: [
        { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: layerDigest, size: layer.length },
      ],
    });
    const response = await this.putManifest(tag, manifest);
    if (response.status !== 201)
      throw new Error(`PUT manifest answered ${response.status}: ${await response.text()}`);
    return { manifest, digest: digestOf(Buffer.from(manifest)), layer: layerDigest };
  }

  /** Pulls the tag's manifest and blobs; throws if one is missing or has a wrong digest. */
  async verifyImage(tag: string): Promise<Digest> {
    const response = await this.fetch(`manifests/${tag}`);
    const content = await bytesOf(response);
    const digest = digestOf(content);
    if (response.status !== 200 || response.headers.get("Docker-Content-Digest") !== digest) {
      const message = new TextDecoder().decode(content);
      throw new Error(`manifest ${tag} answered ${response.status}: ${message}`);
    }
    const { config, layers } = JSON.parse(new TextDecoder().decode(content)) as {
      config: { digest: Digest };
      layers: { digest: Digest }[];
    };
    for (const blob of [config, ...layers]) {
      const answer = await this.fetch(`blobs/${blob.digest}`);
      if (answer.status !== 200)
        throw new Error(`blob ${blob.digest} of ${tag} answered ${answer.status}: ${await answer.text()}`);
      const bytes = await bytesOf(answer);
      if (digestOf(bytes) !== blob.digest) throw new Error(`blob ${blob.digest} of ${tag} is damaged`);
    }
    return digest;
  }
}
