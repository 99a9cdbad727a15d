import { describe, expect, test } from "bun:test";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";
import {
  builtConfig,
  IMAGE_CONFIG,
  INDEX,
  LAYER,
  pushBlob,
  pushBuilt,
  pushManifest,
} from "../../../support/web/pushed-image.ts";
import { askApi } from "../../../support/web-api.ts";
import { WebClient } from "../../../support/web-client.ts";

const PATH = "/repositories/team/app";
const EMPTY = "application/vnd.oci.empty.v1+json";

async function start(...args: readonly string[]) {
  const { httpPort } = await startTestServer(args);
  const client = new RegistryClient(httpPort, "team/app");
  const browser = new WebClient(httpPort);
  await browser.signIn("alice", "change-me");
  /** The text of a page, without its elements. */
  const text = async (path: string) => plain(await browser.text(PATH + path));
  const api = async (path: string) => (await askApi(httpPort, PATH + path)).json;
  return { httpPort, client, browser, text, api };
}

function plain(html: string): string {
  return html
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replace(/\s+/g, " ");
}

describe("the page of a tag", () => {
  test("shows layers with the step that made them, what other tags share, and how the image is run", async () => {
    const { client, text, api } = await start();
    const base = await pushBlob(client, "the base", LAYER);
    const own = await pushBlob(client, "its own", LAYER);
    const config = builtConfig(
      { Entrypoint: ["/app", "a b"], Cmd: ["serve"], User: "1000", Env: ["A=1"], Labels: { team: "red" } },
      ["ADD base", "RUN make app"],
    );
    const { digest } = await pushBuilt(client, "v2", { config, layers: [base, own] });
    await pushBuilt(client, "v1", { layers: [base] });
    await client.putManifest("same", await (await client.fetch(`manifests/${digest}`)).text());
    const page = await text("/-/tags/v2");
    for (const part of ["ADD base", "RUN make app", '/app "a b"', "serve", "1000", "team red", "A 1"])
      expect(page).toContain(part);
    expect(page).toContain("Other tags of it same");
    const { layers, sharedSize } = await api(`/-/manifests/${digest}`);
    expect(layers).toMatchObject([
      { createdBy: "ADD base", sharedWith: ["v1"] },
      { createdBy: "RUN make app" },
    ]);
    expect((layers as object[])[1]).not.toHaveProperty("sharedWith");
    expect(sharedSize).toBe(base.size);
    expect(await api("/-/tags/v2")).toMatchObject({ tag: "v2", digest, by: "alice" });
  });

  test("lists the platforms of an index, and what BuildKit attached to them", async () => {
    const { client, text, api, browser } = await start();
    const layer = await pushBlob(client, "x", LAYER);
    const image = async (architecture: string) => ({
      ...(await pushBuilt(client, undefined, {
        config: builtConfig({}, ["RUN"], architecture),
        layers: [layer],
      })),
      platform: { os: "linux", architecture },
    });
    const [amd, arm] = [await image("amd64"), await image("arm64")];
    const statement = await pushBlob(client, "{}", "application/vnd.in-toto+json");
    const predicate = { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" };
    const attestation = await pushBuilt(client, undefined, {
      layers: [{ ...statement, annotations: predicate } as never],
    });
    const note = {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": amd.digest,
    };
    const unknown = {
      ...attestation,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: note,
    };
    const { digest } = await pushManifest(client, "multi", { manifests: [amd, arm, unknown] }, INDEX);
    expect(await text("/-/tags/multi")).toContain("SLSA provenance of linux/amd64");
    expect((await api(`/-/manifests/${digest}`))["manifests"]).toMatchObject([
      { platform: "linux/amd64", kind: "image" },
      { platform: "linux/arm64", kind: "image" },
      { kind: "attestation", kindName: "SLSA provenance", describes: amd.digest },
    ]);
    const html = await browser.text(`${PATH}/-/tags/multi`);
    expect(html).toContain(`/-/manifests/${arm.digest}">linux/arm64</a>`);
  });

  test("names what refers to it: by its subject, and by the tags of cosign and of older clients", async () => {
    const { client, text, api } = await start();
    const image = await pushBuilt(client, "v1", {});
    const config = await pushBlob(client, "{}", EMPTY);
    const attach = async (artifactType: string, type: string, tag?: string, subject: object | null = image) =>
      pushManifest(client, tag, {
        ...{ config, artifactType, subject },
        layers: [await pushBlob(client, `content of ${type}`, type)],
        annotations: { "org.opencontainers.image.created": "2026-01-02T03:04:05Z" },
      });
    await attach("application/spdx+json", "application/spdx+json");
    await attach("application/vnd.cncf.notary.signature", "application/jose+json");
    const hex = image.digest.replace(":", "-");
    const simple = "application/vnd.dev.cosign.simplesigning.v1+json";
    await pushBuilt(client, `${hex}.sig`, { layers: [await pushBlob(client, "payload", simple)] });
    const cyclone = await attach(
      "application/vnd.cyclonedx+json",
      "application/vnd.cyclonedx+json",
      "sbom",
      null,
    );
    await pushManifest(client, hex, { manifests: [cyclone] }, INDEX);
    const { referrers } = await api(`/-/referrers?digest=${image.digest}`);
    const kinds = (referrers as { kindName: string; tag?: string }[]).map(({ kindName, tag }) => [
      kindName,
      tag,
    ]);
    expect(kinds.toSorted()).toEqual([
      ["Cosign signature", `${hex}.sig`],
      ["CycloneDX SBOM", hex],
      ["Notation signature", undefined],
      ["SPDX SBOM", undefined],
    ]);
    const page = await text("/-/tags/v1");
    for (const [name = ""] of kinds) expect(page).toContain(name);
    const first = await api(`/-/referrers?digest=${image.digest}&limit=1`);
    const second = await api(`/-/referrers?digest=${image.digest}&limit=1&cursor=${first["next"]}`);
    expect(second["referrers"]).toHaveLength(1);
    expect(second["next"]).toBeUndefined();
  });

  test("gives the commands of the clients that fit the content, with the address of the browser", async () => {
    const { client, text } = await start();
    await pushBuilt(client, "v1", {});
    const chart = await pushBlob(client, '{"name":"app"}', "application/vnd.cncf.helm.config.v1+json");
    const content = await pushBlob(client, "tgz", "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    await pushManifest(client, "1.2.3_build", { config: chart, layers: [content] });
    const empty = await pushBlob(client, "{}", EMPTY);
    await pushManifest(client, "notes", { config: empty, layers: [content], artifactType: "text/x-notes" });
    const image = await text("/-/tags/v1");
    for (const command of [
      "podman pull --tls-verify=false localhost/team/app:v1",
      "docker pull localhost/team/app:v1",
      "crane pull --insecure localhost/team/app:v1 app.tar",
    ])
      expect(image).toContain(command);
    expect(image).not.toContain("helm");
    const helm = await text("/-/tags/1.2.3_build");
    expect(helm).toContain("helm pull --plain-http oci://localhost/team/app --version 1.2.3+build");
    expect(await text("/-/tags/notes")).toContain("oras pull --plain-http localhost/team/app:notes");
  });
});

describe("strange content", () => {
  const tooLarge = Buffer.alloc(5 * 1024 * 1024, " ");
  test.each([
    ["a configuration of 5 MiB", tooLarge, "it is larger than 1 MiB"],
    ["a configuration that is no JSON", "<script>alert(1)</script>", "it is not valid JSON"],
    ["a configuration that is a list", "[1]", "it is not a JSON object"],
    ["a configuration nested 100,000 deep", `${"[".repeat(1e5)}${"]".repeat(1e5)}`, "nested more than 1000"],
  ])("%s is said", async (_, config, words) => {
    const { client, text } = await start();
    await pushBuilt(client, "v1", { config });
    const page = await text("/-/tags/v1");
    expect(page).toContain(words);
    expect(page).toContain("Download the configuration");
  });

  test("values of other types than the spec's are left out", async () => {
    const { client, text } = await start();
    const config = JSON.stringify({
      ...{ os: 1, architecture: [], history: {}, created: "yesterday" },
      config: { Env: "A", Cmd: [1, {}], Labels: { a: 1, b: "yes" }, User: {}, ExposedPorts: ["80"] },
    });
    await pushBuilt(client, "v1", { config });
    const page = await text("/-/tags/v1");
    expect(page).toContain("yesterday");
    expect(page).toContain("b yes");
  });

  test("an image of 10,000 layers shows the first 500", async () => {
    const { client, text, browser } = await start();
    const layer = await pushBlob(client, "x", LAYER);
    await pushBuilt(client, "v1", { layers: Array.from({ length: 10_000 }, () => layer) });
    const page = await text("/-/tags/v1");
    expect(page).toContain("The first 500 of 10,000");
    expect(page).toContain("The API returns it whole");
    expect((await browser.text(`${PATH}/-/tags/v1`)).length).toBeLessThan(1_000_000);
  });

  test("content that the registry does not hold is marked", async () => {
    const { client, text } = await start("--backend-oci-http-references", "sparse");
    const absent = { digest: `sha256:${"ab".repeat(32)}`, size: 1 };
    await pushManifest(client, "v1", {
      config: { mediaType: IMAGE_CONFIG, ...absent },
      layers: [{ mediaType: LAYER, ...absent }],
    });
    const child = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...absent };
    await pushManifest(
      client,
      "multi",
      { manifests: [{ ...child, platform: { os: "linux", architecture: "arm" } }] },
      INDEX,
    );
    const page = await text("/-/tags/v1");
    expect(page).toContain("the registry does not hold it, or it was damaged");
    expect(page).toContain("not in this registry");
    expect(await text("/-/tags/multi")).toContain("linux/arm");
    expect(await text("/-/compare?from=v1&to=multi")).toContain("No platform is in both");
  });
});
