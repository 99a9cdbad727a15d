import { type Digest, digestAlgorithm, digestHex } from "../../../../primitives/digest.ts";
import { Pace } from "../../../../primitives/jobs/pace.ts";
import { parseStoredManifest } from "../../../../registry/model/manifest.ts";
import type { Page } from "../../../../registry/model/page.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../../registry/model/tag.ts";
import type { Actor } from "../../../actor.ts";
import { subjectInTag } from "../../content/attached-tags.ts";
import { type ContentServices, requireReader } from "../registry-access.ts";
import { lastSetsOf, type RegistryState, stateOf } from "../registry-state.ts";
import type { ContentName } from "./content-kinds.ts";
import { type NamedDescriptor, partsOf } from "./descriptors.ts";
import { type ManifestRequest, requiredManifest } from "./manifest-details.ts";

/** Something that refers to a manifest: a signature, an SBOM, an attestation, or any other artifact. */
export interface AttachedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly name: ContentName;
  /** The tag by whose name it refers; `undefined`: by its subject. */
  readonly tag: Tag | undefined;
  /** Bytes of its files. */
  readonly size: number;
  /** As its annotations say, or when its tag was set. */
  readonly created: string | undefined;
  readonly by: string | undefined;
  readonly files: Page<NamedDescriptor>;
}

export interface AttachedRequest extends ManifestRequest {
  /** The digest of the last one on the page before. */
  readonly last: Digest | undefined;
  readonly limit: number;
}

const MAX_FILES = 10;
/** Most tags whose names tell that they refer to the manifest. */
const MAX_TAGS = 50;
const MAX_BYTES = 4 * 1024 * 1024;
/** Hex digits in a tag (distribution-spec, "Referrers Tag Schema"). */
const KEPT_HEX = 64;
const CREATED = "org.opencontainers.image.created";

/**
 * What refers to a manifest: by its subject, in the order of the digests, and on the first page also by the names of tags, as
 * cosign and clients without the referrers API do. Rejects with `NotAllowedError` or `NotFoundError`.
 */
export async function listAttached(
  services: ContentServices,
  actor: Actor,
  { instance, repository, digest, at, last, limit }: AttachedRequest,
): Promise<Page<AttachedManifest>> {
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  await requiredManifest(state, repository, digest);
  const request = { artifactType: undefined, last: last ?? "", limit, maxBytes: MAX_BYTES };
  const { entries, more } = await state.referrers(repository, digest, request);
  const found = entries.map((referrer) => ({ digest: referrer.digest }));
  const named = last === undefined ? await namedByTags(state, repository, digest) : [];
  return { entries: await described(state, repository, [...found, ...named]), more };
}

interface Found {
  readonly digest: Digest;
  readonly tag?: Tag;
}

async function namedByTags(
  state: RegistryState,
  repository: RepositoryName,
  digest: Digest,
): Promise<Found[]> {
  const prefix = `${digestAlgorithm(digest)}-${digestHex(digest).slice(0, KEPT_HEX)}`;
  const exact = parseTag(prefix);
  const found: Found[] = [];
  const fallback = exact && (await state.tagDigest(repository, exact));
  if (exact && fallback) found.push(...(await inFallback(state, repository, exact, fallback)));
  for (const tag of await state.tags(repository, prefix, MAX_TAGS)) {
    if (!tag.startsWith(prefix)) break;
    const target = subjectInTag(tag)?.isDigest(digest) && (await state.tagDigest(repository, tag));
    if (target) found.push({ digest: target, tag });
  }
  return found;
}

/** The entries of the index under a fallback tag. */
async function inFallback(
  state: RegistryState,
  repository: RepositoryName,
  tag: Tag,
  digest: Digest,
): Promise<Found[]> {
  const manifest = parseStoredManifest((await state.manifest(repository, digest))?.content);
  return manifest?.manifests.slice(0, MAX_TAGS).map((child) => ({ digest: child, tag })) ?? [];
}

async function described(
  state: RegistryState,
  repository: RepositoryName,
  all: readonly Found[],
): Promise<AttachedManifest[]> {
  const pace = new Pace(0.5);
  const sets = await lastSetsOf(
    state,
    repository,
    all.flatMap(({ tag }) => tag ?? []),
  );
  const shown = new Map<Digest, AttachedManifest>();
  for (const { digest, tag } of all) {
    await pace.rest();
    if (shown.has(digest)) continue;
    const content = (await state.manifest(repository, digest))?.content;
    const manifest = parseStoredManifest(content);
    if (!content || !manifest) continue;
    const { layers, children, annotations, name } = partsOf(content, manifest);
    const files = [...layers, ...children];
    const set = tag && sets.get(tag);
    shown.set(digest, {
      digest,
      mediaType: manifest.mediaType,
      artifactType: manifest.artifactType,
      name,
      tag,
      size: files.reduce((sum, { size }) => sum + size, 0),
      created: annotations[CREATED] ?? (set && new Date(set.seconds * 1000).toISOString()),
      by: set?.user,
      files: { entries: layers.slice(0, MAX_FILES), more: layers.length > MAX_FILES },
    });
  }
  return [...shown.values()];
}
