import { type Digest, parseDigest } from "../../primitives/digest.ts";
import { isRecord } from "../../primitives/text/records.ts";
import {
  IMAGE_INDEX,
  IMAGE_MANIFEST,
  isNonDistributable,
  isSchema1,
  MANIFEST_MEDIA_TYPES,
  manifestKind,
} from "./media-types.ts";

/** What a manifest says of itself (image-spec, manifest.md and image-index.md; Docker schema 2 is alike). */
export interface Manifest {
  readonly mediaType: string;
  /** As the list of referrers shows it: the manifest's own, for an image without one its config's media type. */
  readonly artifactType: string | undefined;
  readonly annotations: Annotations | undefined;
  /** Config and layers that must be in the repository; non-distributable layers are left out. */
  readonly blobs: readonly Digest[];
  /** The children of an index that are manifests. */
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
  /**
   * What else it names by digest: non-distributable layers, the children of an index, its subject. A repository need not
   * hold them, but what it does hold of them stays as long as the manifest.
   */
  readonly alsoNamed: readonly Digest[];
}

/** Why bytes are not a manifest, in words for who pushed them. */
export class ManifestFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Lists and objects within each other; readers and writers of JSON call themselves for each level. */
const MAX_DEPTH = 1000;
/** Characters of what a client sent that are told back to it. */
const MAX_ECHO = 100;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
}

export type Annotations = Readonly<Record<string, string>>;

type JsonObject = Readonly<Record<string, unknown>>;

/** `contentType` is what the client declared, if it did: a manifest must not contradict it. */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest | ManifestFault {
  try {
    return readManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof FaultFound) return new ManifestFault(error.message);
    throw error;
  }
}

/** A manifest that is stored; `undefined` if there is none, or the bytes are none, as stock git may have committed any. */
export function storedManifest(bytes: Uint8Array | null | undefined): Manifest | undefined {
  const manifest = bytes ? parseManifest(bytes) : undefined;
  return manifest instanceof ManifestFault ? undefined : manifest;
}

/** Every digest that a manifest names; what of it the repository holds stays as long as the manifest. */
export function namedBy({ blobs, alsoNamed }: Manifest): Digest[] {
  return [...blobs, ...alsoNamed];
}

/** Carries a reason out of the nested readers; never leaves this file. */
class FaultFound extends Error {}

function readManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  if (contentType && isSchema1(contentType)) {
    throw new FaultFound(
      "Docker schema 1 manifests are not supported; push schema 2 or OCI with a current client",
    );
  }
  if (contentType && !manifestKind(contentType)) {
    throw new FaultFound(
      `media type '${contentType.slice(0, MAX_ECHO)}' is not a manifest's; use one of ${MANIFEST_MEDIA_TYPES.join(", ")}`,
    );
  }
  const json = parseJson(bytes);
  if (json["schemaVersion"] !== 2) {
    throw new FaultFound(`schemaVersion is ${brief(json["schemaVersion"])}, not 2`);
  }
  const mediaType = json["mediaType"] ?? impliedMediaType(json);
  const kind = typeof mediaType === "string" ? manifestKind(mediaType) : undefined;
  if (typeof mediaType !== "string" || !kind) {
    throw new FaultFound(`mediaType is not one of ${MANIFEST_MEDIA_TYPES.join(", ")}`);
  }
  if (contentType && contentType !== mediaType) {
    throw new FaultFound(
      `the Content-Type is '${contentType}', but the manifest's media type is '${mediaType}'`,
    );
  }
  // Go's encoder writes null for what is not set.
  const subject = json["subject"] == null ? undefined : readDescriptor("subject", json["subject"]).digest;
  const artifactType = readArtifactType(json);
  const annotations = readAnnotations(json);
  if (kind === "index") {
    const children = readDescriptors("manifests", json["manifests"]);
    return {
      mediaType,
      artifactType,
      annotations,
      blobs: [],
      // BuildKit's cache is an index of layers.
      manifests: digestsOf(children.filter((child) => manifestKind(child.mediaType))),
      subject,
      alsoNamed: alsoNamed(json, []),
    };
  }
  const config = readDescriptor("config", json["config"]);
  const layers = readDescriptors("layers", json["layers"]).filter(
    (layer) => !isNonDistributable(layer.mediaType),
  );
  const blobs = digestsOf([config, ...layers]);
  return {
    mediaType,
    artifactType: artifactType ?? config.mediaType,
    annotations,
    blobs,
    manifests: [],
    subject,
    alsoNamed: alsoNamed(json, blobs),
  };
}

/** A value as it may stand in a message. */
function brief(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return JSON.stringify(typeof value === "string" ? value.slice(0, MAX_ECHO) : value) ?? "missing";
}

function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

/** Every field that holds a descriptor or a list of them in some kind of manifest, `blobs` in that of artifacts. */
const DESCRIPTOR_FIELDS = ["config", "layers", "manifests", "blobs", "subject"];

/** The digests of all descriptors but of those in `blobs`. */
function alsoNamed(json: JsonObject, blobs: readonly Digest[]): Digest[] {
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

function parseJson(bytes: Uint8Array): JsonObject {
  if (isDeeperThan(MAX_DEPTH, bytes)) {
    throw new FaultFound(`its lists and objects are nested more than ${MAX_DEPTH} deep`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new FaultFound("it is not valid JSON");
  }
  if (!isRecord(json)) throw new FaultFound("it is not a JSON object");
  return json;
}

/** OCI allows the field to be left out; then the content tells. */
function impliedMediaType(json: JsonObject): string | undefined {
  const isIndex = "manifests" in json;
  if (isIndex === ("layers" in json || "config" in json)) return undefined;
  return isIndex ? IMAGE_INDEX : IMAGE_MANIFEST;
}

function readArtifactType({ artifactType }: JsonObject): string | undefined {
  if (artifactType == null || artifactType === "") return undefined;
  if (typeof artifactType !== "string") throw new FaultFound("artifactType is not a string");
  return artifactType;
}

function readAnnotations({ annotations }: JsonObject): Annotations | undefined {
  if (annotations == null) return undefined;
  if (!isRecord(annotations) || Object.values(annotations).some((value) => typeof value !== "string")) {
    throw new FaultFound("annotations are not a map of strings");
  }
  return annotations as Annotations;
}

function readDescriptors(field: string, value: unknown): Descriptor[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new FaultFound(`${field} is not a list`);
  return value.map((item, i) => readDescriptor(`${field}[${i}]`, item));
}

/** image-spec, descriptor.md: the three properties that it requires. */
function readDescriptor(field: string, value: unknown): Descriptor {
  if (!isRecord(value)) throw new FaultFound(`${field} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string") throw new FaultFound(`${field}.mediaType is missing`);
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw new FaultFound(`${field}.size is not a number of bytes`);
  const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
  if (!parsed) throw new FaultFound(`${field}.digest is not a sha256 or sha512 digest`);
  return { mediaType, digest: parsed };
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/** Whether JSON nests lists and objects more than `limit` deep; of other bytes it tells nothing. */
function isDeeperThan(limit: number, json: Uint8Array): boolean {
  if (json.length <= limit) return false;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) {
      if (byte === BACKSLASH) at++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}
