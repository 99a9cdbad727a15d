import { type Digest, parseDigest } from "../../primitives/digest.ts";
import { isRecord } from "../../primitives/text/records.ts";
import {
  type Annotations,
  type Descriptor,
  type DescriptorCheck,
  readAnnotations,
  readDescriptor,
  readDescriptors,
} from "./descriptor.ts";
import {
  InvalidManifest,
  type JsonObject,
  MAX_ECHO,
  parseJson,
  parseUnambiguousJson,
} from "./manifest-json.ts";
import {
  IMAGE_INDEX,
  IMAGE_MANIFEST,
  isNonDistributable,
  isSchema1,
  MANIFEST_MEDIA_TYPES,
  manifestKind,
} from "./media-types.ts";
import { type ManifestRules, PUSH_RULES } from "./push-rules.ts";

/** A parsed manifest or index (image-spec, manifest.md and image-index.md; Docker schema 2 has the same fields). */
export interface Manifest {
  readonly mediaType: string;
  /** For the referrers list: the manifest's `artifactType`, or else its config's media type. */
  readonly artifactType: string | undefined;
  readonly annotations: Annotations | undefined;
  /**
   * The blobs that the repository must hold: config and layers without non-distributable ones; for an index, the entries
   * that are no manifests, as BuildKit stores its cache.
   */
  readonly blobs: readonly Digest[];
  /** The index entries that are manifests. */
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
  /**
   * All other digests in it: non-distributable layers, child manifests, the subject. The repository need not hold them;
   * those that it holds are kept as long as the manifest.
   */
  readonly otherReferences: readonly Digest[];
}

/** Content that a manifest names, with the size (bytes) and media type that it states. */
export interface NamedContent {
  /** Where the repository must hold it; a subject may be missing. */
  readonly kind: "blob" | "manifest" | "subject";
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** A manifest as a client pushes it. */
export interface PushedManifest {
  readonly manifest: Manifest;
  /** Without non-distributable layers; content that is named several times is there as often. */
  readonly named: readonly NamedContent[];
}

/** The reason why bytes are not a valid manifest, as a message for the client. */
export class ManifestFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Parses a manifest that is pushed. It must not contradict `contentType`, the request's Content-Type, if any; and no two
 * clients may read it in different ways.
 */
export function parsePushedManifest(bytes: Uint8Array, contentType?: string): PushedManifest | ManifestFault {
  try {
    checkContentType(contentType);
    const json = parseUnambiguousJson(bytes);
    const pushed = readManifest(json, PUSH_RULES);
    const { mediaType } = pushed.manifest;
    if (contentType && contentType !== mediaType) {
      throw new InvalidManifest(
        `the Content-Type is '${contentType}', but the manifest's media type is '${mediaType}'`,
      );
    }
    return pushed;
  } catch (error) {
    if (error instanceof InvalidManifest) return new ManifestFault(error.message);
    throw error;
  }
}

/**
 * Parses a stored manifest. Returns `undefined` for missing or invalid bytes: stock git can commit any file. Accepts what
 * earlier versions accepted in a push.
 */
export function parseStoredManifest(bytes: Uint8Array | null | undefined): Manifest | undefined {
  if (!bytes) return undefined;
  try {
    return readManifest(parseJson(bytes)).manifest;
  } catch (error) {
    if (error instanceof InvalidManifest) return undefined;
    throw error;
  }
}

/** Every digest in a manifest. What the repository holds of them is kept as long as the manifest. */
export function referencedDigests({ blobs, otherReferences }: Manifest): Digest[] {
  return [...blobs, ...otherReferences];
}

function checkContentType(contentType: string | undefined): void {
  if (!contentType) return;
  if (isSchema1(contentType)) {
    throw new InvalidManifest(
      "Docker schema 1 manifests are not supported; push schema 2 or OCI with a current client",
    );
  }
  if (!manifestKind(contentType)) {
    throw new InvalidManifest(
      `media type '${contentType.slice(0, MAX_ECHO)}' is not a manifest media type; use one of ${MANIFEST_MEDIA_TYPES.join(", ")}`,
    );
  }
}

/** `rules` are checked besides what a stored manifest must be. */
function readManifest(json: JsonObject, rules?: ManifestRules): PushedManifest {
  if (json["schemaVersion"] !== 2)
    throw new InvalidManifest(`schemaVersion is ${brief(json["schemaVersion"])}, not 2`);
  rules?.checkManifest(json);
  const check = rules?.checkDescriptor;
  const mediaType = json["mediaType"] ?? impliedMediaType(json);
  const kind = typeof mediaType === "string" ? manifestKind(mediaType) : undefined;
  if (typeof mediaType !== "string" || !kind)
    throw new InvalidManifest(`mediaType is not one of ${MANIFEST_MEDIA_TYPES.join(", ")}`);
  // Go's JSON encoder writes null for unset fields.
  const subject = json["subject"] == null ? undefined : readDescriptor("subject", json["subject"], check);
  const artifactType = readArtifactType(json);
  const annotations = readAnnotations("annotations", json["annotations"]);
  const content = kind === "index" ? readIndex(json, check) : readImage(json, check);
  const blobs = digestsOf(content.blobs);
  return {
    manifest: {
      mediaType,
      artifactType: artifactType ?? content.configType,
      annotations,
      blobs,
      manifests: digestsOf(content.manifests),
      subject: subject?.digest,
      otherReferences: otherReferences(json, blobs),
    },
    named: [
      ...content.blobs.map((descriptor) => namedAs("blob", descriptor)),
      ...content.manifests.map((descriptor) => namedAs("manifest", descriptor)),
      ...(subject ? [namedAs("subject", subject)] : []),
    ],
  };
}

interface Content {
  readonly blobs: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  readonly configType?: string;
}

function readIndex(json: JsonObject, check: DescriptorCheck | undefined): Content {
  const children = readDescriptors("manifests", json["manifests"], check);
  const isManifest = ({ mediaType }: Descriptor) => manifestKind(mediaType) !== undefined;
  return {
    blobs: children.filter((child) => !isManifest(child) && isDistributable(child)),
    manifests: children.filter(isManifest),
  };
}

function readImage(json: JsonObject, check: DescriptorCheck | undefined): Content {
  const config = readDescriptor("config", json["config"], check);
  const layers = readDescriptors("layers", json["layers"], check);
  return {
    blobs: [config, ...layers.filter(isDistributable)],
    manifests: [],
    configType: config.mediaType,
  };
}

function isDistributable({ mediaType }: Descriptor): boolean {
  return !isNonDistributable(mediaType);
}

function namedAs(kind: NamedContent["kind"], { digest, size, mediaType }: Descriptor): NamedContent {
  return { kind, digest, size, mediaType };
}

/** A short form of a JSON value for an error message. */
function brief(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return JSON.stringify(typeof value === "string" ? value.slice(0, MAX_ECHO) : value) ?? "missing";
}

function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

/** The fields of all kinds of manifest that hold descriptors; `blobs` is from the withdrawn artifact manifest. */
const DESCRIPTOR_FIELDS = ["config", "layers", "manifests", "blobs", "subject"];

/** The digests of all descriptors except those in `blobs`. */
function otherReferences(json: JsonObject, blobs: readonly Digest[]): Digest[] {
  const known = new Set<unknown>(blobs);
  const named = new Set<Digest>();
  for (const field of DESCRIPTOR_FIELDS) {
    const value = json[field];
    for (const item of Array.isArray(value) ? value : [value]) {
      const text = isRecord(item) ? item["digest"] : undefined;
      if (typeof text !== "string" || known.has(text)) continue;
      const digest = parseDigest(text);
      if (digest) named.add(digest);
    }
  }
  return [...named];
}

/** OCI makes `mediaType` optional; the other fields then decide. */
function impliedMediaType(json: JsonObject): string | undefined {
  const isIndex = "manifests" in json;
  if (isIndex === ("layers" in json || "config" in json)) return undefined;
  return isIndex ? IMAGE_INDEX : IMAGE_MANIFEST;
}

function readArtifactType({ artifactType }: JsonObject): string | undefined {
  if (artifactType == null || artifactType === "") return undefined;
  if (typeof artifactType !== "string") throw new InvalidManifest("artifactType is not a string");
  return artifactType;
}
