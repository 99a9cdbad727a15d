import { digestAlgorithm, digestOf } from "../../primitives/digest.ts";
import { isRecord } from "../../primitives/text/records.ts";
import { type Descriptor, type DescriptorCheck, readAnnotations } from "./descriptor.ts";
import { InvalidManifest, type JsonObject, MAX_ECHO } from "./manifest-json.ts";

/** Checks of a manifest and of each descriptor in it; they throw `InvalidManifest`. */
export interface ManifestRules {
  checkManifest(json: JsonObject): void;
  readonly checkDescriptor: DescriptorCheck;
}

/** What a pushed manifest must be besides well formed: all clients read it in the same way. */
export const PUSH_RULES: ManifestRules = { checkManifest, checkDescriptor };

const MANIFEST_KEYS = [
  ...["schemaVersion", "mediaType", "artifactType", "config", "layers"],
  ...["manifests", "blobs", "subject", "annotations"],
];
/** Fields of Docker schema 1. */
const SCHEMA_1_KEYS = ["fsLayers", "history"];

/** Refuses what one client would take for an image and another for an index (CVE-2021-41190). */
function checkManifest(json: JsonObject): void {
  const image = ["config", "layers"].find((key) => key in json);
  if (image !== undefined && "manifests" in json) {
    throw new InvalidManifest(
      `it has '${image}' as an image and 'manifests' as an index; clients would disagree about what it is`,
    );
  }
  const old = SCHEMA_1_KEYS.find((key) => key in json);
  if (old !== undefined) {
    throw new InvalidManifest(
      `it has '${old}' as a manifest of Docker schema 1; clients would disagree about what it is`,
    );
  }
  refuseMisspeltKeys("", json, MANIFEST_KEYS);
}

const DESCRIPTOR_KEYS = [
  "mediaType",
  "digest",
  "size",
  "urls",
  "annotations",
  "data",
  "platform",
  "artifactType",
];
const PLATFORM_KEYS = ["architecture", "os", "os.version", "os.features", "variant", "features"];

/** Checks the optional properties of a descriptor. */
function checkDescriptor(field: string, json: JsonObject, { digest, size }: Descriptor): void {
  refuseMisspeltKeys(`${field}.`, json, DESCRIPTOR_KEYS);
  const { urls, annotations, data, platform, artifactType } = json;
  readAnnotations(`${field}.annotations`, annotations);
  if (urls != null && !(Array.isArray(urls) && urls.every((url) => typeof url === "string")))
    throw new InvalidManifest(`${field}.urls is not a list of strings`);
  if (artifactType != null && typeof artifactType !== "string")
    throw new InvalidManifest(`${field}.artifactType is not a string`);
  if (platform != null) checkPlatform(`${field}.platform`, platform);
  if (data == null) return;
  // A client may use the embedded bytes instead of the blob, so they must be the same.
  const bytes = typeof data === "string" && isBase64(data) ? Buffer.from(data, "base64") : undefined;
  if (!bytes) throw new InvalidManifest(`${field}.data is not base64`);
  if (bytes.length !== size || digestOf(bytes, digestAlgorithm(digest)) !== digest)
    throw new InvalidManifest(`${field}.data is not the content of ${digest}`);
}

function checkPlatform(field: string, platform: unknown): void {
  if (!isRecord(platform)) throw new InvalidManifest(`${field} is not an object`);
  refuseMisspeltKeys(`${field}.`, platform, PLATFORM_KEYS);
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/**
 * Refuses a key that differs from one of `keys` only in upper and lower case, such as `Layers`: Go reads it as `layers`, other
 * parsers ignore it, so clients would see different content. `prefix` names the object in the message.
 */
function refuseMisspeltKeys(prefix: string, json: JsonObject, keys: readonly string[]): void {
  for (const key of Object.keys(json)) {
    if (keys.includes(key)) continue;
    const meant = keys.find((known) => known.length === key.length && fold(known) === fold(key));
    if (meant !== undefined)
      throw new InvalidManifest(`${prefix}${key.slice(0, MAX_ECHO)} must be written ${meant}`);
  }
}

/** Both ways, as Go does: the letters ſ and K (Kelvin) count as s and k. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}
