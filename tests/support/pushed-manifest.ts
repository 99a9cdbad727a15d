import { digestOf } from "../../src/primitives/digest.ts";
import { parseStoredManifest } from "../../src/registry/model/manifest.ts";

/** A manifest as a push hands it on: its bytes with their digest, and what they say. */
export function pushedManifest(content: Uint8Array) {
  const manifest = parseStoredManifest(content);
  if (!manifest) throw new Error(`not a manifest: ${new TextDecoder().decode(content)}`);
  return { digest: digestOf(content), content, manifest };
}
