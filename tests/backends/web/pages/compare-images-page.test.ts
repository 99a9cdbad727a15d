import { describe, expect, test } from "bun:test";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";
import {
  builtConfig,
  INDEX,
  LAYER,
  pushBlob,
  pushBuilt,
  pushManifest,
} from "../../../support/web/pushed-image.ts";
import { askApi } from "../../../support/web-api.ts";
import { WebClient } from "../../../support/web-client.ts";

const PATH = "/repositories/team/app/-/compare";

async function start(...args: readonly string[]) {
  const { httpPort } = await startTestServer(args);
  const client = new RegistryClient(httpPort, "team/app");
  const compare = (query: string) => askApi(httpPort, PATH + query);
  const page = async (query: string) => {
    const browser = new WebClient(httpPort);
    await browser.signIn("alice", "change-me");
    return browser.text(PATH + query);
  };
  return { client, compare, page };
}

/** `v1` and `v2`: one layer is shared, one is replaced, and the configuration differs. */
async function pushTwo(client: RegistryClient) {
  const base = await pushBlob(client, "the base", LAYER);
  const [before, after] = [
    await pushBlob(client, "before", LAYER),
    await pushBlob(client, "afterwards", LAYER),
  ];
  const config = (values: object) => builtConfig({ Cmd: ["serve"], ...values }, ["ADD base", "RUN make"]);
  await pushBuilt(client, "v1", { config: config({ Env: ["A=1", "B=2"] }), layers: [base, before] });
  await pushBuilt(client, "v2", {
    config: config({ Env: ["A=1", "B=3", "C=4"], Labels: { l: "x" }, User: "app" }),
    layers: [base, after],
  });
  return { base, before, after };
}

describe("the difference of two tags", () => {
  test("has their layers, sizes and what differs in the configurations", async () => {
    const { client, compare, page } = await start();
    const { base, before, after } = await pushTwo(client);
    const { json } = await compare("?from=v1&to=v2");
    expect(json["images"]).toMatchObject({
      layers: [
        { digest: before.digest, change: "removed", createdBy: "RUN make" },
        { digest: after.digest, change: "added", createdBy: "RUN make" },
        { digest: base.digest, change: "shared", createdBy: "ADD base" },
      ],
      sizes: { removed: before.size, added: after.size, shared: base.size },
    });
    expect((json["images"] as { config: object })["config"]).toEqual([
      { field: "user", to: "app" },
      { field: "environment", name: "B", from: "2", to: "3" },
      { field: "environment", name: "C", to: "4" },
      { field: "label", name: "l", to: "x" },
    ]);
    const html = await page("?from=v1&to=v2");
    expect(html).toContain('<del class="removed">2</del>');
    expect(html).toContain('<ins class="added">3</ins>');
    expect(await page("?from=v1&to=v1")).toContain("nothing differs");
    expect(await page("")).toContain('name="from"');
  });

  test("of indexes compares the images of a platform that both have", async () => {
    const { client, compare, page } = await start();
    const index = async (tag: string, platforms: readonly string[]) => {
      const manifests = [];
      for (const architecture of platforms) {
        const config = builtConfig({ Env: [`TAG=${tag}`] }, ["RUN"], architecture);
        const image = await pushBuilt(client, undefined, { config });
        manifests.push({ ...image, platform: { os: "linux", architecture } });
      }
      await pushManifest(client, tag, { manifests }, INDEX);
    };
    await index("v1", ["amd64", "arm64"]);
    await index("v2", ["amd64", "riscv64"]);
    const { json } = await compare("?from=v1&to=v2");
    expect(json).toMatchObject({
      platform: "linux/amd64",
      platforms: [
        { platform: "linux/amd64", change: "changed" },
        { platform: "linux/arm64", change: "removed" },
        { platform: "linux/riscv64", change: "added" },
      ],
      images: { config: [{ field: "environment", name: "TAG", from: "v1", to: "v2" }] },
    });
    expect((await compare("?from=v1&to=v2&platform=linux/arm64")).json["detail"]).toBe(
      "not both have the platform 'linux/arm64'; both have linux/amd64",
    );
    expect(await page("?from=v1&to=v2")).toContain("only in the second");
  });

  test("with a tag that is not there, or no tag, says so", async () => {
    const { client, compare } = await start();
    await pushTwo(client);
    expect((await compare("?from=v1&to=v9")).json).toMatchObject({
      status: 404,
      detail: "no tag 'v9' in 'team/app'",
    });
    expect((await compare("?from=v1")).status).toBe(400);
    expect((await compare("?from=v1&to=a:b")).json["detail"]).toBe("'a:b' is not a tag or a digest");
  });

  test("names the image of an index that the repository does not hold", async () => {
    const { client, compare } = await start("--backend-oci-http-references", "sparse");
    const platform = { os: "linux", architecture: "amd64" };
    const child = (hex: string) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${hex.repeat(32)}`,
      size: 9,
      platform,
    });
    await pushManifest(client, "v1", { manifests: [child("ab")] }, INDEX);
    await pushManifest(client, "v2", { manifests: [child("cd")] }, INDEX);
    expect((await compare("?from=v1&to=v2")).json["problem"]).toBe(
      `the repository does not hold ${child("ab").digest}`,
    );
  });
});
