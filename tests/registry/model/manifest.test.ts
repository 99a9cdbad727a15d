import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import {
  ManifestFault,
  parsePushedManifest,
  parseStoredManifest,
} from "../../../src/registry/model/manifest.ts";
import { DOCKER_MANIFEST, IMAGE_INDEX, IMAGE_MANIFEST } from "../../../src/registry/model/media-types.ts";

const digest = (text: string) => digestOf(Buffer.from(text));
const [CONFIG, LAYER, OTHER] = [digest("config"), digest("layer"), digest("other")] as const;

const descriptor = (digest: string | undefined, mediaType = "application/vnd.oci.image.layer.v1.tar") => ({
  mediaType,
  digest,
  size: 1,
});

const image = (more: object = {}) => ({
  schemaVersion: 2,
  mediaType: IMAGE_MANIFEST,
  config: descriptor(CONFIG, "application/vnd.oci.image.config.v1+json"),
  layers: [descriptor(LAYER)],
  ...more,
});

function push(json: object | string, contentType?: string) {
  return parsePushedManifest(
    Buffer.from(typeof json === "string" ? json : JSON.stringify(json)),
    contentType,
  );
}

function parse(json: object) {
  const pushed = push(json);
  return pushed instanceof ManifestFault ? pushed : pushed.manifest;
}

function faultOf(json: object | string, contentType?: string): string {
  const pushed = push(json, contentType);
  return pushed instanceof ManifestFault ? pushed.reason : "none";
}

describe("an image manifest", () => {
  test("lists its config and layers, each once", () => {
    expect(parse(image({ layers: [descriptor(LAYER), descriptor(LAYER)] }))).toEqual({
      mediaType: IMAGE_MANIFEST,
      artifactType: "application/vnd.oci.image.config.v1+json",
      annotations: undefined,
      blobs: [CONFIG, LAYER],
      manifests: [],
      subject: undefined,
      otherReferences: [],
    });
  });

  test("has its subject, artifact type and annotations parsed", () => {
    const manifest = parse(
      image({ subject: descriptor(OTHER), artifactType: "a/sbom", annotations: { key: "value" } }),
    );
    expect(manifest).toMatchObject({
      subject: OTHER,
      artifactType: "a/sbom",
      annotations: { key: "value" },
    });
  });

  test("may omit its media type, and may have null for unset fields as Go writes it", () => {
    const { mediaType: _, ...json } = image({ subject: null, annotations: null });
    expect(parse(json)).toMatchObject({ mediaType: IMAGE_MANIFEST, subject: undefined });
  });
});

test("an index lists its child manifests, and null counts as an empty list", () => {
  const index = { schemaVersion: 2, mediaType: IMAGE_INDEX, manifests: [descriptor(OTHER, IMAGE_MANIFEST)] };
  expect(parse(index)).toMatchObject({ blobs: [], manifests: [OTHER] });
  expect(parse({ ...index, manifests: null })).toMatchObject({ manifests: [] });
});

test("an index requires those of its entries as blobs that are no manifests, as a cache of BuildKit has them", () => {
  const index = {
    schemaVersion: 2,
    mediaType: IMAGE_INDEX,
    manifests: [
      descriptor(LAYER),
      descriptor(CONFIG, "application/vnd.buildkit.cacheconfig.v0"),
      descriptor(OTHER, DOCKER_MANIFEST),
    ],
  };
  const manifest = { blobs: [LAYER, CONFIG], manifests: [OTHER], otherReferences: [OTHER] };
  expect(push(index)).toMatchObject({
    manifest,
    named: [
      { kind: "blob", digest: LAYER, size: 1 },
      { kind: "blob", digest: CONFIG, size: 1 },
      { kind: "manifest", digest: OTHER, size: 1 },
    ],
  });
  expect(parseStoredManifest(Buffer.from(JSON.stringify(index)))).toMatchObject(manifest);
});

test("a push names its content with the stated sizes, each time it states one; not its non-distributable layers", () => {
  const layers = [
    { ...descriptor(LAYER), size: 5 },
    { ...descriptor(LAYER), size: 6 },
    descriptor(OTHER, "application/vnd.oci.image.layer.nondistributable.v1.tar"),
  ];
  expect(push(image({ layers, subject: descriptor(OTHER, IMAGE_MANIFEST) }))).toMatchObject({
    named: [
      { kind: "blob", digest: CONFIG, size: 1 },
      { kind: "blob", digest: LAYER, size: 5 },
      { kind: "blob", digest: LAYER, size: 6 },
      { kind: "subject", digest: OTHER, size: 1 },
    ],
  });
});

test.each([
  ["it is not valid JSON", "{"],
  ["it is not valid JSON", '{"schemaVersion":2,"annotations":{"a":"\u{1F600}'],
  ["it is not a JSON object", "[]"],
  ["schemaVersion is 1, not 2", { schemaVersion: 1 }],
  ["schemaVersion is missing, not 2", {}],
  ["schemaVersion is a list, not 2", { schemaVersion: [] }],
  ["schemaVersion is an object, not 2", { schemaVersion: {} }],
  [`schemaVersion is "${"x".repeat(100)}", not 2`, { schemaVersion: "x".repeat(1_000_000) }],
  ["mediaType is not one of", { schemaVersion: 2, mediaType: "text/plain" }],
  ["mediaType is not one of", { schemaVersion: 2 }],
  ["config is not a descriptor", image({ config: undefined })],
  ["layers is not a list", image({ layers: {} })],
  ["layers[1].digest is not a sha256 or sha512", image({ layers: [descriptor(LAYER), descriptor("md5:1")] })],
  ["layers[0].size is not a number of bytes", image({ layers: [{ ...descriptor(LAYER), size: -1 }] })],
  ["layers[0].mediaType is missing", image({ layers: [{ digest: LAYER, size: 1 }] })],
  ["subject is not a descriptor", image({ subject: "x" })],
  ["artifactType is not a string", image({ artifactType: 1 })],
  ["annotations are not a map of strings", image({ annotations: { a: 1 } })],
])("an invalid manifest is refused with the reason: %s", (reason, json) => {
  expect(faultOf(json)).toStartWith(reason);
});

test("the Content-Type must not contradict the manifest's media type", () => {
  expect(faultOf(image(), DOCKER_MANIFEST)).toStartWith(`the Content-Type is '${DOCKER_MANIFEST}', but`);
  expect(faultOf(image(), "application/vnd.docker.distribution.manifest.v1+json")).toStartWith(
    "Docker schema 1",
  );
  expect(faultOf(image(), "x".repeat(10_000))).toStartWith(`media type '${"x".repeat(100)}' is not`);
});

describe("nested JSON", () => {
  const nested = (depth: number, open = "[", close = "]") =>
    `{"schemaVersion":${open.repeat(depth)}1${close.repeat(depth)}}`;

  test("is accepted up to a thousand levels, and refused before parsing beyond that", () => {
    expect(faultOf(nested(999))).toBe("schemaVersion is a list, not 2");
    expect(faultOf(nested(1000))).toBe("lists and objects are nested more than 1000 levels deep");
    expect(faultOf(nested(2_000_000))).toInclude("nested more than 1000 levels deep");
    expect(faultOf(nested(1_000_000, '{"":', "}"))).toInclude("nested more than 1000 levels deep");
    expect(faultOf(`{"schemaVersion":${"[".repeat(1_000_000)}`)).toInclude(
      "nested more than 1000 levels deep",
    );
  });

  test("is not counted inside strings", () => {
    const text = `${"[{".repeat(2000)}"\\${"[".repeat(2000)}`;
    expect(parse(image({ annotations: { text } }))).toMatchObject({ annotations: { text } });
    expect(parse(image({ annotations: { [`\\"${"{".repeat(2000)}`]: "\\" } }))).toMatchObject({
      mediaType: IMAGE_MANIFEST,
    });
  });
});
