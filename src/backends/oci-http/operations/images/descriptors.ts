import { type Digest, parseDigest } from "../../../../primitives/digest.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import { manifestKind } from "../../../../registry/model/media-types.ts";
import { manifestJson } from "../../content/manifest-sizes.ts";
import { boundedMap, boundedText, type Texts } from "./bounded-text.ts";
import { type ContentName, nameContent } from "./content-kinds.ts";

/** Content that a manifest names, with what it says about it. */
export interface NamedDescriptor {
  readonly digest: Digest;
  /** In bytes, as stated. */
  readonly size: number;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly annotations: Texts;
  /** As JSON. */
  readonly platform: unknown;
}

/** The parts of a manifest that `parseStoredManifest` accepts, in their order. */
export interface ManifestParts {
  readonly isIndex: boolean;
  readonly config: NamedDescriptor | undefined;
  readonly layers: readonly NamedDescriptor[];
  /** The entries of an index. */
  readonly children: readonly NamedDescriptor[];
  readonly annotations: Texts;
  readonly name: ContentName;
}

/** Layers whose types are looked at to name the content. */
const MAX_NAMING = 20;
const PREDICATE_KEYS = ["in-toto.io/predicate-type", "predicateType"];

export function partsOf(
  content: Uint8Array,
  { mediaType, artifactType }: { readonly mediaType: string; readonly artifactType: string | undefined },
): ManifestParts {
  const json = manifestJson(content);
  const fields = isRecord(json) ? json : {};
  const isIndex = manifestKind(mediaType) === "index";
  const layers = descriptorsIn(fields["layers"]);
  const annotations = boundedMap(fields["annotations"]);
  const naming = layers.slice(0, MAX_NAMING);
  const name = nameContent({
    isIndex,
    artifactType,
    layerTypes: naming.map((layer) => layer.mediaType),
    predicates: [...naming, { annotations }].flatMap(predicatesOf),
  });
  const config = isIndex ? undefined : descriptorIn(fields["config"])[0];
  const children = isIndex ? descriptorsIn(fields["manifests"]) : [];
  return { isIndex, config, layers, children, annotations, name };
}

function predicatesOf({ annotations }: { readonly annotations: Texts }): string[] {
  return PREDICATE_KEYS.flatMap((key) => annotations[key] ?? []);
}

function descriptorsIn(value: unknown): NamedDescriptor[] {
  return Array.isArray(value) ? value.flatMap(descriptorIn) : [];
}

/** Empty for what is no descriptor. */
function descriptorIn(value: unknown): NamedDescriptor[] {
  if (!isRecord(value)) return [];
  const { size, mediaType, artifactType, annotations, platform } = value;
  const digest = parseDigest(String(value["digest"]));
  if (!digest || typeof size !== "number") return [];
  return [
    {
      digest,
      size,
      mediaType: boundedText(mediaType) ?? "",
      artifactType: boundedText(artifactType),
      annotations: annotations === undefined ? {} : boundedMap(annotations),
      platform,
    },
  ];
}
