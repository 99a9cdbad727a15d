import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Digest, digestAlgorithm, digestHex, digestOf } from "../../src/primitives/digest.ts";
import { randomBytes } from "./random-bytes.ts";

const MEDIA = "application/vnd.oci.image";

/** An image or an index in memory. */
export interface MadeImage {
  readonly digest: Digest;
  readonly manifest: Uint8Array;
  readonly mediaType: string;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
  readonly children: readonly MadeImage[];
}

interface MadeImageOptions {
  readonly layers?: readonly Uint8Array[];
  readonly created?: string;
  readonly subject?: MadeImage;
}

export function makeImage({ layers, created, subject }: MadeImageOptions = {}): MadeImage {
  const contents = layers ?? [randomBytes(2000)];
  const json = { architecture: "amd64", os: "linux", created, salt: crypto.randomUUID() };
  const diffIds = contents.map((bytes) => digestOf(bytes));
  const config = Buffer.from(JSON.stringify({ ...json, rootfs: { type: "layers", diff_ids: diffIds } }));
  const mediaType = `${MEDIA}.manifest.v1+json`;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: describe(`${MEDIA}.config.v1+json`, config),
      layers: contents.map((bytes) => describe(`${MEDIA}.layer.v1.tar`, bytes)),
      ...(subject && { subject: describe(subject.mediaType, subject.manifest) }),
    }),
  );
  const blobs = new Map([config, ...contents].map((bytes) => [digestOf(bytes), bytes]));
  return { digest: digestOf(manifest), manifest, mediaType, blobs, children: [] };
}

export function makeIndex(children: readonly MadeImage[]): MadeImage {
  const mediaType = `${MEDIA}.index.v1+json`;
  const manifests = children.map((child) => describe(child.mediaType, child.manifest));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { digest: digestOf(manifest), manifest, mediaType, blobs: new Map(), children };
}

function describe(mediaType: string, bytes: Uint8Array) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Writes a file that was last changed at a time, in seconds since the epoch. */
export function writeDated(path: string, content: Uint8Array | string, seconds: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
}

/** Puts images into a directory as the distribution registry does. */
export class DistributionFiles {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(`${root}/docker/registry/v2/repositories`, { recursive: true });
    mkdirSync(`${root}/docker/registry/v2/blobs`, { recursive: true });
  }

  /** Pushes an image at a time, with a tag or without. */
  push(repository: string, tag: string | undefined, image: MadeImage, seconds: number): void {
    for (const child of image.children) this.push(repository, undefined, child, seconds);
    const files = `${this.root}/docker/registry/v2/repositories/${repository}`;
    for (const [digest, bytes] of image.blobs) {
      writeDated(this.blobPath(digest), bytes, seconds);
      writeDated(`${files}/_layers/sha256/${digestHex(digest)}/link`, digest, seconds);
    }
    writeDated(this.blobPath(image.digest), image.manifest, seconds);
    const manifests = `${files}/_manifests`;
    const path = `${digestAlgorithm(image.digest)}/${digestHex(image.digest)}`;
    writeDated(`${manifests}/revisions/${path}/link`, image.digest, seconds);
    if (tag === undefined) return;
    writeDated(`${manifests}/tags/${tag}/index/${path}/link`, image.digest, seconds);
    writeDated(`${manifests}/tags/${tag}/current/link`, image.digest, seconds);
  }

  blobPath(digest: Digest): string {
    const hex = digestHex(digest);
    return `${this.root}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  }
}

/** The files of an OCI layout by path, with the given names in its index. */
export function layoutFiles(
  images: readonly { readonly name: string | undefined; readonly image: MadeImage }[],
): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  const add = ({ digest, manifest, blobs, children }: MadeImage): void => {
    for (const [blob, bytes] of [...blobs, [digest, manifest] as const])
      files.set(`blobs/sha256/${digestHex(blob)}`, bytes);
    for (const child of children) add(child);
  };
  const manifests = images.map(({ name, image }) => {
    add(image);
    const annotations = name === undefined ? undefined : { "org.opencontainers.image.ref.name": name };
    return { ...describe(image.mediaType, image.manifest), annotations };
  });
  files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return files;
}
