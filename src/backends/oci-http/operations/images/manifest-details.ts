import type { Digest } from "../../../../primitives/digest.ts";
import { Pace } from "../../../../primitives/jobs/pace.ts";
import { type Manifest, parseStoredManifest } from "../../../../registry/model/manifest.ts";
import { isNonDistributable } from "../../../../registry/model/media-types.ts";
import type { Page } from "../../../../registry/model/page.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";
import type { Actor } from "../../../actor.ts";
import { NotFoundError } from "../../../refusals.ts";
import type { InstanceName } from "../../settings/instance-config.ts";
import { summarize } from "../image-summary.ts";
import type { Moment } from "../moment.ts";
import { type ContentServices, requireReader } from "../registry-access.ts";
import { type RegistryState, stateOf } from "../registry-state.ts";
import type { Texts } from "./bounded-text.ts";
import { type ChildDetails, describeChildren } from "./child-details.ts";
import type { ContentName } from "./content-kinds.ts";
import { type ManifestParts, type NamedDescriptor, partsOf } from "./descriptors.ts";
import { type ConfigContent, layerSteps, readConfig } from "./image-config.ts";
import { layerSharing, type SharedBy } from "./layer-sharing.ts";
import { prettyJson, type ShownText } from "./pretty-json.ts";

export interface ManifestRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly at?: Moment | undefined;
}

export interface LayerDetails extends NamedDescriptor {
  /** The history entry that made it; `undefined` if the configuration does not tell. */
  readonly createdBy: string | undefined;
  /** Other tags of the repository with this layer; `undefined` of the past, and if there are none. */
  readonly sharedBy: SharedBy | undefined;
  /** Why the registry can't send it: it is not there, or its licence forbids that; `undefined` if it can, as far as was looked at. */
  readonly absence: "missing" | "not-distributable" | undefined;
}

/** A manifest, and what it is made of. */
export interface ManifestDetails {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly name: ContentName;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Bytes that a pull of all platforms downloads, each blob once. */
  readonly pullSize: number;
  readonly platforms: readonly string[];
  readonly annotations: Texts;
  readonly subject: Digest | undefined;
  readonly config: (NamedDescriptor & ConfigContent) | undefined;
  readonly layers: Page<LayerDetails>;
  readonly layerCount: number;
  /** Bytes of the layers that other tags have too, each once; `undefined` of the past. */
  readonly sharedSize: number | undefined;
  /** The entries of an index. */
  readonly children: Page<ChildDetails>;
  readonly childCount: number;
  /** The tags with this digest. */
  readonly tags: Page<Tag>;
  /** As it was pushed. */
  readonly content: Uint8Array;
  readonly shown: ShownText;
}

/** Most layers, and entries of an index, that are described. */
const MAX_LAYERS = 500;
const MAX_CHILDREN = 200;
/** Most layers that are looked for. */
const MAX_LOOKED_FOR = 200;
const MAX_TAGS = 50;
const AT_ONCE = 16;

/** The manifest of a repository with a digest. Rejects with `NotAllowedError` or `NotFoundError`. */
export async function describeManifest(
  services: ContentServices,
  actor: Actor,
  { instance, repository, digest, at }: ManifestRequest,
): Promise<ManifestDetails> {
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  const { content, manifest } = await requiredManifest(state, repository, digest);
  const parts = partsOf(content, manifest);
  const { config: named, name, annotations } = parts;
  const config = named && { ...named, ...(await readConfig(state, repository, named.digest)) };
  return {
    digest,
    mediaType: manifest.mediaType,
    artifactType: manifest.artifactType,
    name,
    annotations,
    size: content.length,
    pullSize: (await summarize(state, repository, digest)).size,
    platforms: (await summarize(state, repository, digest)).platforms,
    subject: manifest.subject,
    config,
    ...(await layersOf(state, { repository, digest, manifest, parts, config })),
    children: await describeChildren(state, repository, parts.children.slice(0, MAX_CHILDREN)).then(
      (entries) => ({ entries, more: parts.children.length > MAX_CHILDREN }),
    ),
    childCount: parts.children.length,
    tags: await tagsWith(state, repository, digest),
    content,
    shown: prettyJson(content),
  };
}

/** Rejects with `NotFoundError`; the caller has checked that the actor may read the repository. */
export async function requiredManifest(
  state: RegistryState,
  repository: RepositoryName,
  digest: Digest,
): Promise<{ readonly content: Uint8Array; readonly manifest: Manifest }> {
  const content = (await state.manifest(repository, digest))?.content;
  const manifest = parseStoredManifest(content);
  if (content && manifest) return { content, manifest };
  throw new NotFoundError(`no manifest '${digest}' in '${repository}'`);
}

interface WithLayers {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly parts: ManifestParts;
  readonly config: ConfigContent | undefined;
}

async function layersOf(
  state: RegistryState,
  { repository, digest, manifest, parts, config }: WithLayers,
): Promise<Pick<ManifestDetails, "layers" | "layerCount" | "sharedSize">> {
  const { layers } = parts;
  const steps = layerSteps(config?.image, layers.length);
  const shown = layers.slice(0, MAX_LAYERS);
  const named = new Set(manifest.blobs);
  const missing = await missingOf(
    state,
    shown.slice(0, MAX_LOOKED_FOR).flatMap((layer) => (named.has(layer.digest) ? [layer.digest] : [])),
  );
  const sharing = state.past
    ? undefined
    : await layerSharing(
        state.oci.index,
        repository,
        digest,
        shown.map((layer) => layer.digest),
      );
  const shared = new Map(
    shown.flatMap((layer) => (sharing?.has(layer.digest) ? [[layer.digest, layer.size]] : [])),
  );
  return {
    layers: {
      entries: shown.map((layer, i) => ({
        ...layer,
        createdBy: steps[i]?.createdBy ?? steps[i]?.comment,
        sharedBy: sharing?.get(layer.digest),
        absence: absenceOf(layer, missing),
      })),
      more: layers.length > shown.length,
    },
    layerCount: layers.length,
    sharedSize: sharing && [...shared.values()].reduce((sum, size) => sum + size, 0),
  };
}

function absenceOf({ mediaType, digest }: NamedDescriptor, missing: ReadonlySet<Digest>) {
  if (isNonDistributable(mediaType)) return "not-distributable";
  return missing.has(digest) ? "missing" : undefined;
}

async function missingOf({ blobs }: RegistryState, digests: readonly Digest[]): Promise<Set<Digest>> {
  const pace = new Pace(0.5);
  const missing = new Set<Digest>();
  for (let i = 0; i < digests.length; i += AT_ONCE) {
    await Promise.all(
      digests.slice(i, i + AT_ONCE).map(async (digest) => {
        if (!(await blobs.stat(digest))) missing.add(digest);
      }),
    );
    await pace.rest();
  }
  return missing;
}

/** Of the past, the tags of then are searched among the present ones of the digest, which finds most. */
async function tagsWith(
  state: RegistryState,
  repository: RepositoryName,
  digest: Digest,
): Promise<Page<Tag>> {
  const found = state.oci.index.tagsOf(repository, digest, MAX_TAGS + 1);
  const entries: Tag[] = [];
  for (const tag of found.slice(0, MAX_TAGS))
    if (!state.past || (await state.tagDigest(repository, tag)) === digest) entries.push(tag);
  return { entries, more: found.length > MAX_TAGS };
}
