export const IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const IMAGE_INDEX = "application/vnd.oci.image.index.v1+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

const MANIFEST_KINDS: ReadonlyMap<string, "image" | "index"> = new Map([
  [IMAGE_MANIFEST, "image"],
  [DOCKER_MANIFEST, "image"],
  [IMAGE_INDEX, "index"],
  [DOCKER_MANIFEST_LIST, "index"],
]);

export const MANIFEST_MEDIA_TYPES: readonly string[] = [...MANIFEST_KINDS.keys()];

export function manifestKind(mediaType: string): "image" | "index" | undefined {
  return MANIFEST_KINDS.get(mediaType);
}

/** Docker's withdrawn first manifest format, which has no descriptors. */
export function isSchema1(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** Layers that a registry need not hold because their licence forbids redistribution (image-spec, layer.md). */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.") ||
    mediaType.startsWith("application/vnd.docker.image.rootfs.foreign.")
  );
}
