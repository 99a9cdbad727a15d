import { mkdirSync, writeFileSync } from "node:fs";
import { type Digest, digestHex, digestOf } from "../../src/primitives/digest.ts";
import { randomBytes } from "./random-bytes.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const MEDIA = "application/vnd.oci.image";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** An image in an OCI layout directory, with the tag `image`. */
export interface Layout {
  readonly dir: string;
  readonly digest: Digest;
  readonly manifest: Uint8Array;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * A runnable-looking image for one platform or an index of several, each with layers of random content, or with one layer
 * of these `files`.
 */
export function makeLayout(
  options: {
    platforms?: readonly string[];
    layers?: number;
    layerBytes?: number;
    files?: ReadonlyMap<string, Uint8Array>;
    /** 0 stores a layer without compressing it. */
    level?: 0 | 6;
  } = {},
): Layout {
  const { platforms = ["amd64"], layers = 1, layerBytes = 10_000, level = 6, files } = options;
  const blobs = new Map<Digest, Uint8Array>();
  const put = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const putJson = (mediaType: string, value: unknown) => put(mediaType, Buffer.from(JSON.stringify(value)));

  const images = platforms.map((architecture) => {
    const tars = files
      ? [tarOfFiles(files)]
      : Array.from({ length: layers }, (_, i) =>
          tarOf(`layer-${i}-${architecture}`, randomBytes(layerBytes)),
        );
    const config = putJson(`${MEDIA}.config.v1+json`, {
      architecture,
      os: "linux",
      config: { Cmd: ["/layer-0"] },
      rootfs: { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) },
    });
    const manifest = putJson(`${MEDIA}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config,
      layers: tars.map((tar) =>
        put(`${MEDIA}.layer.v1.tar+gzip`, Bun.gzipSync(new Uint8Array(tar), { level })),
      ),
    });
    return { ...manifest, platform: { architecture, os: "linux" } };
  });
  const [first] = images;
  if (!first) throw new Error("a layout needs a platform");
  const { platform: _, ...single } = first;
  const top =
    images.length === 1
      ? single
      : putJson(`${MEDIA}.index.v1+json`, {
          schemaVersion: 2,
          mediaType: `${MEDIA}.index.v1+json`,
          manifests: images,
        });
  return {
    dir: writeLayout(blobs, top),
    digest: top.digest,
    manifest: blobs.get(top.digest) ?? new Uint8Array(),
    blobs,
  };
}

function writeLayout(blobs: ReadonlyMap<Digest, Uint8Array>, top: Descriptor): string {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/blobs/sha256`, { recursive: true });
  for (const [digest, bytes] of blobs) writeFileSync(`${dir}/blobs/sha256/${digestHex(digest)}`, bytes);
  writeFileSync(`${dir}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const annotations = { "org.opencontainers.image.ref.name": "image" };
  const index = { schemaVersion: 2, manifests: [{ ...top, annotations }] };
  writeFileSync(`${dir}/index.json`, JSON.stringify(index));
  return dir;
}

/** A tar archive with one file (POSIX ustar). */
export function tarOf(name: string, content: Uint8Array): Uint8Array {
  return tarOfFiles(new Map([[name, content]]));
}

function tarOfFiles(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries = [...files].flatMap(([name, content]) => entryOf(name, content));
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

function entryOf(name: string, content: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  header.write(name, 0);
  header.write(octal(0o755, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        0", 148);
  header.write("ustar\0" + "00", 257);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      8,
    ),
    148,
  );
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return [header, content, padding];
}
