import type { Digest } from "../../../../primitives/digest.ts";
import { Pace } from "../../../../primitives/jobs/pace.ts";
import { parseStoredManifest } from "../../../../registry/model/manifest.ts";
import { manifestKind } from "../../../../registry/model/media-types.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { blobSizes, manifestJson } from "../../content/manifest-sizes.ts";
import { platformText } from "../image-summary.ts";
import type { RegistryState } from "../registry-state.ts";
import type { ContentName } from "./content-kinds.ts";
import { type NamedDescriptor, partsOf } from "./descriptors.ts";

/** An entry of an index. */
export interface ChildDetails extends NamedDescriptor {
  /** Such as `linux/amd64`; `undefined` for what is no image of a platform. */
  readonly platformName: string | undefined;
  readonly isManifest: boolean;
  /** `undefined` if the repository does not hold it, and for what is no manifest. */
  readonly name: ContentName | undefined;
  /** Bytes that a pull downloads; `undefined` as for `name`. */
  readonly pullSize: number | undefined;
  /** The image that it describes, as BuildKit notes it. */
  readonly describes: Digest | undefined;
}

const DESCRIBED = "vnd.docker.reference.digest";

export async function describeChildren(
  state: RegistryState,
  repository: RepositoryName,
  children: readonly NamedDescriptor[],
): Promise<ChildDetails[]> {
  const pace = new Pace(0.5);
  const found: ChildDetails[] = [];
  for (const child of children) {
    await pace.rest();
    const isManifest = manifestKind(child.mediaType) !== undefined;
    const content = isManifest ? (await state.manifest(repository, child.digest))?.content : undefined;
    const manifest = parseStoredManifest(content);
    const platformName = platformText(child.platform);
    const sizes = content && manifest && blobSizes(manifestJson(content), manifest);
    found.push({
      ...child,
      platformName: platformName === "" ? undefined : platformName,
      isManifest,
      name: content && manifest && partsOf(content, manifest).name,
      pullSize: sizes && [...sizes.values()].reduce((sum, size) => sum + size, 0),
      // Only a digest of the same index is one that a page can lead to.
      describes: children.find(({ digest }) => digest === child.annotations[DESCRIBED])?.digest,
    });
  }
  return found;
}
