import { expect, test } from "bun:test";
import { manifestUnder, rememberParsed } from "../../../../src/backends/oci-http/content/parsed-manifests.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { parseStoredManifest } from "../../../../src/registry/model/manifest.ts";

function example() {
  const json = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
  const content = Buffer.from(JSON.stringify(json));
  const manifest = parseStoredManifest(content);
  if (!manifest) throw new Error("the example is no manifest");
  return { content, manifest, digest: digestOf(content) };
}

test("bytes that a push has parsed are not parsed again", () => {
  const { content, manifest, digest } = example();
  expect(manifestUnder(digest, content)).not.toBe(manifest);
  rememberParsed(content, digest, manifest);
  expect(manifestUnder(digest, content)).toBe(manifest);
});

test("equal bytes that were read from commits are parsed", () => {
  const { content, manifest, digest } = example();
  rememberParsed(content, digest, manifest);
  const read = manifestUnder(digest, Buffer.from(content));
  expect(read).not.toBe(manifest);
  expect(read).toEqual(manifest);
});

test("bytes under the digest of others are no manifest, even if a push has parsed them", () => {
  const { content, manifest, digest } = example();
  rememberParsed(content, digest, manifest);
  expect(manifestUnder(digestOf(Buffer.from("others")), content)).toBeUndefined();
});

test("bytes that stock git has committed and that are no manifest are none", () => {
  const content = Buffer.from("no JSON");
  expect(manifestUnder(digestOf(content), content)).toBeUndefined();
});
