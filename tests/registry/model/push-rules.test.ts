import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../src/primitives/digest.ts";
import {
  ManifestFault,
  parsePushedManifest,
  parseStoredManifest,
} from "../../../src/registry/model/manifest.ts";
import { IMAGE_INDEX, IMAGE_MANIFEST } from "../../../src/registry/model/media-types.ts";

const CONTENT = "config";
const DIGEST = digestOf(Buffer.from(CONTENT));
const CONFIG = `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${DIGEST}","size":6}`;

/** An image manifest, with more JSON in its descriptor and at its top level. */
const image = (top = "", config = "") =>
  `{"schemaVersion":2,"mediaType":"${IMAGE_MANIFEST}","config":${CONFIG.replace("}", `${config}}`)},"layers":[]${top}}`;

const index = (top: string, mediaType = `,"mediaType":"${IMAGE_INDEX}"`) =>
  `{"schemaVersion":2${mediaType},"manifests":[]${top}}`;

function faultOf(json: string | Uint8Array): string {
  const pushed = parsePushedManifest(Buffer.from(json));
  return pushed instanceof ManifestFault ? pushed.reason : "none";
}

const repeats = (key: string) => `the key ${key} occurs twice in one object`;
const disagree = (image: string) =>
  `it has '${image}' as an image and 'manifests' as an index; clients would disagree about what it is`;

/** What is right for each manifest that one client could read in another way than the next. */
const REFUSED: readonly (readonly [what: string, json: string, reason: string])[] = [
  ["an image with an empty 'manifests'", image(',"manifests":[]'), disagree("config")],
  ["an image with 'manifests' of null", image(',"manifests":null'), disagree("config")],
  ["an index with 'layers'", index(',"layers":[]'), disagree("layers")],
  ["an index with 'config'", index(`,"config":${CONFIG}`), disagree("config")],
  ["both without a media type", index(',"layers":[]', ""), disagree("layers")],
  [
    "an image with the layers of schema 1",
    image(',"fsLayers":[]'),
    "it has 'fsLayers' as a manifest of Docker schema 1; clients would disagree about what it is",
  ],
  [
    "an index with the history of schema 1",
    index(',"history":[]'),
    "it has 'history' as a manifest of Docker schema 1; clients would disagree about what it is",
  ],
  [
    "a byte order mark",
    `\ufeff${image()}`,
    "it begins with a byte order mark, which JSON must not have (RFC 8259, section 8.1)",
  ],
  ["a key twice at the top level", image(',"layers":[]'), repeats('"layers"')],
  ["a key twice with the same value", image(',"schemaVersion":2'), repeats('"schemaVersion"')],
  ["a key twice in a descriptor", image("", ',"size":7'), repeats('"size"')],
  ["a key twice in annotations", image(',"annotations":{"a":"1","b":"","a":"2"}'), repeats('"a"')],
  ["a key twice in unknown fields", image(',"x":[{"y":{"z":1,"z":1}}]'), repeats('"z"')],
  ["a key twice, escaped once", image(',"\\u006cayers":[]'), repeats('"\\u006cayers"')],
  [
    "a key twice that objects have by themselves",
    image(',"__proto__":1,"__proto__":1'),
    repeats('"__proto__"'),
  ],
  ["a long key twice", image(`,"${"k".repeat(500)}":1`.repeat(2)), repeats(`"${"k".repeat(99)}`)],
  ["a key in upper case", image(',"Layers":[]'), "Layers must be written layers"],
  [
    "a key with a letter that Go takes for s",
    image(',"layer\u017f":[]'),
    "layer\u017f must be written layers",
  ],
  ["a descriptor's key in upper case", image("", ',"Digest":"x"'), "config.Digest must be written digest"],
  [
    "a platform's key in upper case",
    image("", ',"platform":{"OS":"linux"}'),
    "config.platform.OS must be written os",
  ],
  [
    "a size with a fraction of zero",
    image("", "").replace(":6", ":6.0"),
    'the number of "size" is not written in plain digits',
  ],
  [
    "a size with an exponent",
    image("", "").replace(":6", " : 6e0"),
    'the number of "size" is not written in plain digits',
  ],
  [
    "a schemaVersion with an exponent",
    image().replace(":2", ":2E0"),
    'the number of "schemaVersion" is not written in plain digits',
  ],
  [
    "a size beyond what numbers hold exactly",
    image().replace(":6", ":9007199254740993"),
    "config.size is not a number of bytes",
  ],
  [
    "a descriptor's annotations that are no strings",
    image("", ',"annotations":{"a":1}'),
    "config.annotations are not a map of strings",
  ],
  ["urls that are no list", image("", ',"urls":"http://x"'), "config.urls is not a list of strings"],
  [
    "an artifact type that is no string",
    image("", ',"artifactType":1'),
    "config.artifactType is not a string",
  ],
  ["a platform that is no object", image("", ',"platform":"linux"'), "config.platform is not an object"],
  ["embedded data that is no base64", image("", ',"data":"%"'), "config.data is not base64"],
  [
    "embedded data of other content",
    image("", `,"data":"${btoa("other!")}"`),
    `config.data is not the content of ${DIGEST}`,
  ],
];

describe("a manifest that clients could read in different ways is refused:", () => {
  test.each(REFUSED)("%s", (_, json, reason) => {
    expect(faultOf(json)).toBe(reason);
  });

  test("bytes that are not UTF-8", () => {
    const bytes = Buffer.from(image(',"annotations":{"a":"?"}'));
    bytes[bytes.indexOf("?")] = 0xff;
    expect(faultOf(bytes)).toBe("it is not valid JSON in UTF-8");
  });
});

describe("a manifest is accepted", () => {
  test.each([
    [
      "with fields that no spec defines, whatever their numbers are",
      image(',"x":{"size":{"a":1.5e3}},"true":false'),
    ],
    ["with the same key in different objects", image(',"x":{"layers":[{"layers":1},{"layers":1}]}')],
    [
      "with keys and numbers in strings",
      image(',"annotations":{"a":"\\"size\\":1.0,\\"a\\":1","Layers":"1e3"}'),
    ],
    ["with embedded data of its content", image("", `,"data":"${btoa(CONTENT)}"`)],
    [
      "with null for unset properties, as Go writes it",
      image("", ',"urls":null,"annotations":null,"platform":null,"data":null'),
    ],
  ])("%s", (_, json) => {
    expect(faultOf(json)).toBe("none");
  });

  test("when it is read from the store, if an earlier version accepted its push", () => {
    for (const [, json] of REFUSED.slice(0, 4))
      expect(parseStoredManifest(Buffer.from(json))).toMatchObject({ mediaType: expect.any(String) });
    for (const json of [
      `\ufeff${image()}`,
      image(',"layers":[]'),
      image(',"Layers":[]'),
      image().replace(":6", ":6.0"),
    ])
      expect(parseStoredManifest(Buffer.from(json))).toMatchObject({ blobs: [DIGEST] });
  });
});

test("a manifest of the largest size with a key twice is refused in a bounded time", () => {
  const keys = Array.from({ length: 300_000 }, (_, i) => `"${i}":1`).join(",");
  const start = performance.now();
  expect(faultOf(image(`,${keys},"0":1`))).toBe(repeats('"0"'));
  expect(faultOf(image(`,"x":[${"{},".repeat(1_300_000)}{}],"x":1`))).toBe(repeats('"x"'));
  expect(performance.now() - start).toBeLessThan(10_000);
});
