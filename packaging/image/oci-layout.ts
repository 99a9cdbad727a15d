import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { runTool } from "../release.ts";
import { type TarEntry, tarOf } from "./tar.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: `sha256:${string}`;
  readonly size: number;
}

export interface Layer extends Descriptor {
  /** Of the archive before it was compressed. */
  readonly diffId: `sha256:${string}`;
}

const MEDIA = "application/vnd.oci.image";
export const MEDIA_TYPES = {
  index: `${MEDIA}.index.v1+json`,
  manifest: `${MEDIA}.manifest.v1+json`,
  config: `${MEDIA}.config.v1+json`,
  layer: `${MEDIA}.layer.v1.tar+gzip`,
} as const;

function digestOf(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** An OCI layout directory that is being written. https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
export class OciLayout {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(`${dir}/blobs/sha256`, { recursive: true });
    writeFileSync(`${dir}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  }

  put(mediaType: string, bytes: Uint8Array): Descriptor {
    const digest = digestOf(bytes);
    writeFileSync(`${this.#dir}/${pathOf({ digest })}`, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  putJson(mediaType: string, value: unknown): Descriptor {
    return this.put(mediaType, Buffer.from(JSON.stringify(value)));
  }

  putLayer(entries: readonly TarEntry[], time: number): Layer {
    const tar = tarOf(entries, time);
    return { ...this.put(MEDIA_TYPES.layer, Bun.gzipSync(tar)), diffId: digestOf(tar) };
  }

  /** Writes the list of what the layout holds; each has the name that tools ask for. */
  finish(manifests: readonly (Descriptor & { readonly name: string })[]): void {
    const named = manifests.map(({ name, ...descriptor }) => ({
      ...descriptor,
      annotations: { "org.opencontainers.image.ref.name": name },
    }));
    writeFileSync(
      `${this.#dir}/index.json`,
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: named }),
    );
  }
}

/** Of a blob, in its layout. */
function pathOf({ digest }: Pick<Descriptor, "digest">): string {
  return `blobs/sha256/${digest.slice("sha256:".length)}`;
}

/** Packs one image of a layout as `docker save` does, so that `docker load` and `podman load` read it in every version. */
export function writeArchive(
  layoutDir: string,
  file: string,
  image: { readonly config: Descriptor; readonly layers: readonly Descriptor[]; readonly name: string },
): void {
  const manifest = `${layoutDir}/manifest.json`;
  const { config, layers, name } = image;
  writeFileSync(
    manifest,
    JSON.stringify([{ Config: pathOf(config), RepoTags: [name], Layers: layers.map(pathOf) }]),
  );
  rmSync(file, { force: true });
  const paths = ["manifest.json", pathOf(config), ...layers.map(pathOf)];
  runTool(["tar", "--create", "--file", file, "--directory", layoutDir, ...paths]);
  rmSync(manifest);
}
