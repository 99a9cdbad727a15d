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

/** A parsed manifest or index (image-spec, manifest.md and image-index.md; Docker schema 2 has the same fields). */
export interface Manifest {
  readonly mediaType: string;
  /** For the referrers list: the manifest's `artifactType`, or else its config's media type. */
  readonly artifactType: string | undefined;
  readonly annotations: Annotations | undefined;
  /** Config and layers, which the repository must hold; without non-distributable layers. */
  readonly blobs: readonly Digest[];
  /** The index entries that are manifests. */
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
  /**
   * All other digests in it: non-distributable layers, index entries, the subject. The repository need not hold them;
   * those that it holds are kept as long as the manifest.
   */
  readonly otherReferences: readonly Digest[];
}

/** The reason why bytes are not a valid manifest, as a message for the client. */
export class ManifestFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Maximal nesting of lists and objects: JSON parsers and printers recurse once for each level. */
const MAX_DEPTH = 1000;
/** Maximal characters of the client's input that an error message repeats. */
const MAX_ECHO = 100;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
}

export type Annotations = Readonly<Record<string, string>>;

type JsonObject = Readonly<Record<string, unknown>>;

/** `contentType` is the request's Content-Type, if any; the manifest must not contradict it. */
export function parseManifest(bytes: Uint8Array, contentType?: string): Manifest | ManifestFault {
  try {
    return readManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof InvalidManifest) return new ManifestFault(error.message);
    throw error;
  }
}

/** Parses a stored manifest. Returns `undefined` for missing or invalid bytes: stock git can commit any file. */
export function parseStoredManifest(bytes: Uint8Array | null | undefined): Manifest | undefined {
  const manifest = bytes ? parseManifest(bytes) : undefined;
  return manifest instanceof ManifestFault ? undefined : manifest;
}

/** Every digest in a manifest. What the repository holds of them is kept as long as the manifest. */
export function referencedDigests({ blobs, otherReferences }: Manifest): Digest[] {
  return [...blobs, ...otherReferences];
}

/** Thrown by the readers below and caught by `parseManifest`. */
class InvalidManifest extends Error {}

function readManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  if (contentType && isSchema1(contentType)) {
    throw new InvalidManifest(
      "Docker schema 1 manifests are not supported; push schema 2 or OCI with a current client",
    );
  }
  if (contentType && !manifestKind(contentType)) {
    throw new InvalidManifest(
      `media type '${contentType.slice(0, MAX_ECHO)}' is not a manifest media type; use one of ${MANIFEST_MEDIA_TYPES.join(", ")}`,
    );
  }
  const json = parseJson(bytes);
  if (json["schemaVersion"] !== 2) {
    throw new InvalidManifest(`schemaVersion is ${brief(json["schemaVersion"])}, not 2`);
  }
  const mediaType = json["mediaType"] ?? impliedMediaType(json);
  const kind = typeof mediaType === "string" ? manifestKind(mediaType) : undefined;
  if (typeof mediaType !== "string" || !kind) {
    throw new InvalidManifest(`mediaType is not one of ${MANIFEST_MEDIA_TYPES.join(", ")}`);
  }
  if (contentType && contentType !== mediaType) {
    throw new InvalidManifest(
      `the Content-Type is '${contentType}', but the manifest's media type is '${mediaType}'`,
    );
  }
  // Go's JSON encoder writes null for unset fields.
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
      // BuildKit stores its cache as an index whose entries are layers.
      manifests: digestsOf(children.filter((child) => manifestKind(child.mediaType))),
      subject,
      otherReferences: otherReferences(json, []),
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
    otherReferences: otherReferences(json, blobs),
  };
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

function parseJson(bytes: Uint8Array): JsonObject {
  if (isDeeperThan(MAX_DEPTH, bytes)) {
    throw new InvalidManifest(`lists and objects are nested more than ${MAX_DEPTH} levels deep`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InvalidManifest("it is not valid JSON");
  }
  if (!isRecord(json)) throw new InvalidManifest("it is not a JSON object");
  return json;
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

function readAnnotations({ annotations }: JsonObject): Annotations | undefined {
  if (annotations == null) return undefined;
  if (!isRecord(annotations) || Object.values(annotations).some((value) => typeof value !== "string")) {
    throw new InvalidManifest("annotations are not a map of strings");
  }
  return annotations as Annotations;
}

function readDescriptors(field: string, value: unknown): Descriptor[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new InvalidManifest(`${field} is not a list`);
  return value.map((item, i) => readDescriptor(`${field}[${i}]`, item));
}

/** Checks the three required properties (image-spec, descriptor.md). */
function readDescriptor(field: string, value: unknown): Descriptor {
  if (!isRecord(value)) throw new InvalidManifest(`${field} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string") throw new InvalidManifest(`${field}.mediaType is missing`);
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw new InvalidManifest(`${field}.size is not a number of bytes`);
  const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
  if (!parsed) throw new InvalidManifest(`${field}.digest is not a sha256 or sha512 digest`);
  return { mediaType, digest: parsed };
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/** Whether JSON nests lists and objects more than `limit` levels deep. The result means nothing for other bytes. */
function isDeeperThan(limit: number, json: Uint8Array): boolean {
  if (json.length <= limit) return false;
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) {
      if (byte === BACKSLASH) at++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}
