import { type Digest, parseDigest } from "../../primitives/digest.ts";
import { isRecord } from "../../primitives/text/records.ts";
import { InvalidManifest, type JsonObject } from "./manifest-json.ts";

/** What a manifest says about content that it names (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

export type Annotations = Readonly<Record<string, string>>;

/** Checks more than the required properties of a descriptor; `field` is its place in the manifest. */
export type DescriptorCheck = (field: string, json: JsonObject, descriptor: Descriptor) => void;

/** Throws `InvalidManifest`, like all functions here. `null` counts as an empty list, as Go's JSON encoder writes it. */
export function readDescriptors(field: string, value: unknown, check?: DescriptorCheck): Descriptor[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new InvalidManifest(`${field} is not a list`);
  return value.map((item, i) => readDescriptor(`${field}[${i}]`, item, check));
}

/** Reads the three required properties. */
export function readDescriptor(field: string, value: unknown, check?: DescriptorCheck): Descriptor {
  if (!isRecord(value)) throw new InvalidManifest(`${field} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string") throw new InvalidManifest(`${field}.mediaType is missing`);
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw new InvalidManifest(`${field}.size is not a number of bytes`);
  const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
  if (!parsed) throw new InvalidManifest(`${field}.digest is not a sha256 or sha512 digest`);
  const descriptor = { mediaType, digest: parsed, size: Number(size) };
  check?.(field, value, descriptor);
  return descriptor;
}

export function readAnnotations(field: string, annotations: unknown): Annotations | undefined {
  if (annotations == null) return undefined;
  if (!isRecord(annotations) || Object.values(annotations).some((value) => typeof value !== "string"))
    throw new InvalidManifest(`${field} are not a map of strings`);
  return annotations as Annotations;
}
