import { type Digest, digestAlgorithm, digestOf } from "../../../../primitives/digest.ts";
import { isRecord } from "../../../../primitives/text/records.ts";
import {
  MAX_MANIFEST_BYTES,
  ManifestFault,
  parsePushedManifest,
} from "../../../../registry/model/manifest.ts";
import { SourceFault, type SourceManifest } from "./import-source.ts";

/** Checks bytes that are said to be the manifest of a digest. */
export function parsedManifest(content: Uint8Array, digest: Digest): SourceManifest | SourceFault {
  if (content.length > MAX_MANIFEST_BYTES)
    return new SourceFault(`its manifest has ${content.length} bytes, and ${MAX_MANIFEST_BYTES} are allowed`);
  const actual = digestOf(content, digestAlgorithm(digest));
  if (actual !== digest)
    return new SourceFault(`its manifest is damaged: the bytes are ${actual}, not ${digest}`);
  const pushed = parsePushedManifest(content);
  if (!(pushed instanceof ManifestFault)) return { ...pushed, content };
  return new SourceFault(
    isSchema1(content)
      ? "it is a Docker schema 1 manifest, which current clients don't pull; push it again with a current client"
      : `its manifest is invalid: ${pushed.reason}`,
  );
}

function isSchema1(content: Uint8Array): boolean {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(content));
    return isRecord(json) && json["schemaVersion"] === 1;
  } catch {
    return false;
  }
}
