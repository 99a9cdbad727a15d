import { describe, expect, test } from "bun:test";
import { type Digest, digestOf } from "../../../src/primitives/digest.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";

const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
const ABSENT = digestOf(Buffer.from("absent"));

interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

async function start(args: readonly string[] = []) {
  const { httpPort } = await startTestServer(args);
  const client = new RegistryClient(httpPort, "app");
  const blob = async (text: string, mediaType = LAYER_TYPE): Promise<Descriptor> => {
    const digest = await client.pushBlob(Buffer.from(text));
    return { mediaType, digest, size: text.length };
  };
  const put = async (fields: object, mediaType = IMAGE, reference = "v1") => {
    const response = await client.putManifest(
      reference,
      JSON.stringify({ schemaVersion: 2, mediaType, ...fields }),
      mediaType,
    );
    const body = await response.text();
    return { status: response.status, errors: body === "" ? [] : JSON.parse(body).errors };
  };
  return { httpPort, client, blob, put };
}

const sizeFault = (digest: Digest, stated: number, actual: number) => ({
  status: 400,
  errors: [
    {
      code: "SIZE_INVALID",
      message: `manifest invalid: it says that ${digest} has ${stated} bytes, but it has ${actual}`,
      detail: { digest, stated, actual },
    },
  ],
});

describe("the sizes that a pushed manifest states", () => {
  test("must be those of its config, its layers, its child manifests and a subject that is there", async () => {
    const { client, blob, put } = await start();
    const [config, layer] = [await blob("config"), await blob("layer")];
    const wrong = { ...layer, size: 6 };
    expect(await put({ config: { ...config, size: 0 }, layers: [] })).toEqual(sizeFault(config.digest, 0, 6));
    expect(await put({ config, layers: [wrong] })).toEqual(sizeFault(layer.digest, 6, 5));
    expect(await put({ config, layers: [layer, layer, wrong] })).toEqual(sizeFault(layer.digest, 6, 5));
    const { manifest, digest } = await client.pushImage("image");
    const { length } = manifest;
    const child = { mediaType: IMAGE, digest, size: length + 1 };
    expect(await put({ manifests: [child] }, INDEX)).toEqual(sizeFault(digest, length + 1, length));
    const right = { ...child, size: length };
    expect(await put({ manifests: [right], subject: child }, INDEX)).toEqual(
      sizeFault(digest, length + 1, length),
    );
    expect((await client.fetch("manifests/v1")).status).toBe(404);
    expect(await put({ config, layers: [layer, layer] })).toMatchObject({ status: 201 });
    expect(await put({ manifests: [right], subject: right }, INDEX)).toMatchObject({ status: 201 });
  });

  test("and the media types of child manifests must not take an index for an image", async () => {
    const { client, put } = await start();
    const { manifest, digest } = await client.pushImage("image");
    const child = { mediaType: LIST, digest, size: manifest.length };
    const message = `manifest invalid: it says that ${digest} is '${LIST}', but it is '${IMAGE}'`;
    expect(await put({ manifests: [child] }, INDEX)).toEqual({
      status: 400,
      errors: [{ code: "MANIFEST_INVALID", message, detail: { digest, stated: LIST, actual: IMAGE } }],
    });
    const docker = { ...child, mediaType: "application/vnd.docker.distribution.manifest.v2+json" };
    expect(await put({ manifests: [docker] }, INDEX)).toMatchObject({ status: 201 });
  });

  test("may be any of what the repository need not hold", async () => {
    const { blob, put } = await start();
    const config = await blob("config");
    const foreign = {
      mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar",
      digest: ABSENT,
      size: 9,
    };
    const subject = { mediaType: IMAGE, digest: ABSENT, size: 9 };
    expect(await put({ config, layers: [foreign], subject })).toMatchObject({ status: 201 });
  });

  test("come second to content that is missing", async () => {
    const { blob, put } = await start();
    const config = await blob("config");
    const layers = [
      { ...config, size: 1 },
      { ...config, digest: ABSENT },
    ];
    expect(await put({ config, layers })).toMatchObject({
      status: 404,
      errors: [{ code: "MANIFEST_BLOB_UNKNOWN", detail: { digest: ABSENT } }],
    });
  });

  test("may differ in a registry with references=sparse", async () => {
    const { blob, put } = await start(["--backend-oci-http-references", "sparse"]);
    const config = await blob("config");
    expect(await put({ config: { ...config, size: 1 }, layers: [] })).toMatchObject({ status: 201 });
  });
});

test("a pushed manifest that clients could read in different ways is refused, with or without a media type of its own", async () => {
  const { client, blob } = await start();
  const config = await blob("config");
  const json = JSON.stringify({ schemaVersion: 2, config, layers: [] });
  const mixed = json.replace("}", `},"manifests":[]`);
  for (const [body, reason] of [
    [
      mixed,
      "it has 'config' as an image and 'manifests' as an index; clients would disagree about what it is",
    ],
    [json.replace("{", '{"layers":[],'), 'the key "layers" occurs twice in one object'],
    [`\ufeff${json}`, "it begins with a byte order mark, which JSON must not have (RFC 8259, section 8.1)"],
  ] as const) {
    for (const contentType of [IMAGE, ""]) {
      const response = await client.putManifest("v1", body, contentType);
      expect([response.status, await response.json()]).toEqual([
        400,
        { errors: [{ code: "MANIFEST_INVALID", message: `manifest invalid: ${reason}` }] },
      ]);
    }
  }
  expect((await client.putManifest("v1", json, IMAGE)).status).toBe(201);
});

describe("the registry cache of BuildKit, an index of layers and a config that were pushed as blobs,", () => {
  for (const [name, mediaType] of [
    ["in the OCI format", INDEX],
    ["in Docker's format", LIST],
  ] as const) {
    test(`is accepted and served ${name}, if the repository has them as blobs`, async () => {
      const { httpPort, client, blob, put } = await start();
      const layer = {
        ...(await blob("layer")),
        annotations: {
          "buildkit/createdat": "2026-07-02T17:08:09.095229615Z",
          "containerd.io/uncompressed": digestOf(Buffer.from("uncompressed")),
        },
      };
      const config = await blob('{"layers":[],"records":[]}', "application/vnd.buildkit.cacheconfig.v0");
      const manifests = [layer, config];
      expect(await put({ manifests }, mediaType, "cache")).toMatchObject({ status: 201 });
      const pulled = await client.fetch("manifests/cache", { headers: { Accept: mediaType } });
      expect([pulled.headers.get("Content-Type"), await pulled.json()]).toEqual([
        mediaType,
        { schemaVersion: 2, mediaType, manifests },
      ]);
      const wrong = { ...layer, size: 1 };
      expect(await put({ manifests: [wrong] }, mediaType)).toEqual(sizeFault(layer.digest, 1, 5));
      const lacking = await put({ manifests: [layer, { ...config, digest: ABSENT }] }, mediaType);
      expect(lacking).toMatchObject({ status: 404, errors: [{ detail: { digest: ABSENT } }] });
      const elsewhere = await new RegistryClient(httpPort, "other").putManifest(
        "cache",
        JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
        mediaType,
      );
      expect(elsewhere.status).toBe(404);
      expect((await client.fetch(`blobs/${layer.digest}`, { method: "DELETE" })).status).toBe(409);
    });
  }
});

test("a push by digest with more tags than one request may set is refused, and names how many it may set", async () => {
  const { put } = await start();
  const tags = (count: number) => Array.from({ length: count }, (_, i) => `tag=t${i}`).join("&");
  const refused = await put({}, IMAGE, `${ABSENT}?${tags(101)}`);
  expect([refused.status, refused.errors[0].message]).toEqual([414, "more than 100 query parameters 'tag'"]);
  expect((await put({}, IMAGE, `${ABSENT}?${tags(100)}`)).status).toBe(400);
});
