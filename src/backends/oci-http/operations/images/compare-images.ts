import type { Digest } from "../../../../primitives/digest.ts";
import { parseStoredManifest } from "../../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import { nameOf, type Reference } from "../../../../registry/model/tag.ts";
import type { Actor } from "../../../actor.ts";
import { InvalidArgumentError, NotFoundError } from "../../../refusals.ts";
import type { InstanceName } from "../../settings/instance-config.ts";
import { platformText, summarize } from "../image-summary.ts";
import type { Moment } from "../moment.ts";
import { type ContentServices, requireReader } from "../registry-access.ts";
import { type RegistryState, stateOf } from "../registry-state.ts";
import type { Texts } from "./bounded-text.ts";
import { type ComparedLayers, compareLayers } from "./compared-layers.ts";
import { type ConfigChange, configChanges } from "./config-changes.ts";
import type { ContentName } from "./content-kinds.ts";
import { type ManifestParts, type NamedDescriptor, partsOf } from "./descriptors.ts";
import { type ConfigContent, readConfig } from "./image-config.ts";
import { requiredManifest } from "./manifest-details.ts";

export interface CompareRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly from: Reference;
  readonly to: Reference;
  /** Which image of an index; `undefined`: `linux/amd64`, or else the first that both have. */
  readonly platform?: string | undefined;
  readonly at?: Moment | undefined;
}

export interface ComparedSide {
  readonly reference: Reference;
  readonly digest: Digest;
  readonly name: ContentName;
  /** Bytes that a pull of all platforms downloads. */
  readonly pullSize: number;
}

export interface PlatformChange {
  readonly platform: string;
  readonly change: "added" | "removed" | "changed" | "same";
}

/** The difference between two manifests of a repository. */
export interface ImageComparison {
  readonly from: ComparedSide;
  readonly to: ComparedSide;
  /** Empty where both are images of one platform. */
  readonly platforms: readonly PlatformChange[];
  /** Which platform's images are compared; `undefined` if there is only one. */
  readonly platform: string | undefined;
  /** The layers and configurations of the two images; `undefined` if no platform is in both. */
  readonly images: (ComparedLayers & { readonly config: readonly ConfigChange[] }) | undefined;
  /** Why a configuration could not be compared. */
  readonly problem: string | undefined;
}

/** Most entries of an index that are looked at. */
const MAX_CHILDREN = 200;
const PREFERRED = "linux/amd64";

/** Rejects with `NotAllowedError`, `NotFoundError`, or `InvalidArgumentError` for a platform that not both have. */
export async function compareImages(
  services: ContentServices,
  actor: Actor,
  { instance, repository, from, to, platform, at }: CompareRequest,
): Promise<ImageComparison> {
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  const before = await sideOf(state, repository, from);
  const after = await sideOf(state, repository, to);
  const chosen = chosenPlatform(before.images, after.images, platform);
  const pair = imagesFor(before, after, chosen);
  const compared = pair && (await comparedImages(state, repository, pair));
  const isOfOne = !before.isIndex && !after.isIndex;
  return {
    from: before.side,
    to: after.side,
    platforms: isOfOne ? [] : platformChanges(before.images, after.images),
    platform: isOfOne ? undefined : chosen,
    images: compared?.images,
    problem: compared?.problem,
  };
}

interface Side {
  readonly side: ComparedSide;
  readonly isIndex: boolean;
  /** The image of each platform; that of no index under the empty name. */
  readonly images: ReadonlyMap<string, Digest>;
}

async function sideOf(state: RegistryState, repository: RepositoryName, reference: Reference): Promise<Side> {
  const digest =
    reference.kind === "digest" ? reference.digest : await state.tagDigest(repository, reference.tag);
  if (!digest) throw new NotFoundError(`no tag '${nameOf(reference)}' in '${repository}'`);
  const { content, manifest } = await requiredManifest(state, repository, digest);
  const { name, isIndex, children } = partsOf(content, manifest);
  const { size, platforms } = await summarize(state, repository, digest);
  const side = { reference, digest, name, pullSize: size };
  const images = isIndex ? imagesIn(children) : new Map([[platforms[0] ?? "", digest]]);
  return { side, isIndex, images };
}

function imagesIn(children: readonly NamedDescriptor[]): Map<string, Digest> {
  const images = new Map<string, Digest>();
  for (const { platform, digest } of children.slice(0, MAX_CHILDREN)) {
    const name = platformText(platform);
    if (name !== "" && !images.has(name)) images.set(name, digest);
  }
  return images;
}

function chosenPlatform(
  from: Side["images"],
  to: Side["images"],
  wanted: string | undefined,
): string | undefined {
  const common = [...from.keys()].filter((name) => to.has(name));
  if (wanted === undefined) return common.find((name) => name === PREFERRED) ?? common[0];
  if (common.includes(wanted)) return wanted;
  const choice = common.length > 0 ? `; both have ${common.join(", ")}` : "";
  throw new InvalidArgumentError(`not both have the platform '${wanted.slice(0, 100)}'${choice}`);
}

/** Two images of different platforms are compared as well. */
function imagesFor(before: Side, after: Side, platform: string | undefined) {
  const isOfOne = !before.isIndex && !after.isIndex;
  const from = isOfOne ? before.side.digest : before.images.get(platform ?? "");
  const to = isOfOne ? after.side.digest : after.images.get(platform ?? "");
  return from && to ? { from, to } : undefined;
}

function platformChanges(from: Side["images"], to: Side["images"]): PlatformChange[] {
  const names = [...new Set([...from.keys(), ...to.keys()])].filter((name) => name !== "").sort();
  return names.map((platform) => {
    const [before, after] = [from.get(platform), to.get(platform)];
    if (!before) return { platform, change: "added" };
    if (!after) return { platform, change: "removed" };
    return { platform, change: before === after ? "same" : "changed" };
  });
}

async function comparedImages(
  state: RegistryState,
  repository: RepositoryName,
  pair: { readonly from: Digest; readonly to: Digest },
): Promise<Pick<ImageComparison, "images" | "problem">> {
  const from = await readImage(state, repository, pair.from);
  const to = await readImage(state, repository, pair.to);
  const problem = from.problem ?? to.problem;
  const layers = compareLayers(from, to);
  return { images: { ...layers, config: configChanges(from, to) }, problem };
}

interface ReadImage extends Pick<ConfigContent, "image" | "problem">, Pick<ManifestParts, "layers"> {
  readonly annotations: Texts;
}

/** An entry of an index may be missing, where the registry accepts that. */
async function readImage(
  state: RegistryState,
  repository: RepositoryName,
  digest: Digest,
): Promise<ReadImage> {
  const content = (await state.manifest(repository, digest))?.content;
  const manifest = parseStoredManifest(content);
  if (!content || !manifest)
    return {
      image: undefined,
      problem: `the repository does not hold ${digest}`,
      layers: [],
      annotations: {},
    };
  const { config, layers, annotations } = partsOf(content, manifest);
  const read = config && (await readConfig(state, repository, config.digest));
  const problem = read?.problem === undefined ? undefined : `the configuration of ${digest}: ${read.problem}`;
  return { image: read?.image, problem, layers, annotations };
}
