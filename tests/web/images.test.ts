import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { consoleLines } from "../support/console-line.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";
import { builtConfig, INDEX, LAYER, pushBlob, pushBuilt, pushManifest } from "../support/web/pushed-image.ts";

const PATH = "/repositories/team/app";
const SBOM = '{"spdxVersion":"SPDX-2.3"}';

/** `v1` is an image; `v2` an index of two platforms, with an SBOM. The config of arm64 leaves out the variant. */
async function start() {
  const server = await startTestServer();
  await consoleLines(server, "/users add bob change-me", "/users grant bob http/oci/default reader");
  const { httpPort } = server;
  const client = new RegistryClient(httpPort, "team/app");
  const shared = await pushBlob(client, "the base", LAYER);
  const config = (version: string, architecture?: string) =>
    builtConfig({ Env: [`VERSION=${version}`] }, ["ADD base", "RUN make"], architecture);
  const layers = async (text: string) => [shared, await pushBlob(client, text, LAYER)];
  await pushBuilt(client, "v1", { config: config("1"), layers: await layers("first") });
  const amd64 = await pushBuilt(client, undefined, { config: config("2"), layers: await layers("second") });
  const arm64 = await pushBuilt(client, undefined, {
    config: config("2", "arm64"),
    layers: await layers("third"),
  });
  const index = await pushManifest(
    client,
    "v2",
    {
      manifests: [
        { ...amd64, platform: { os: "linux", architecture: "amd64" } },
        { ...arm64, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
      ],
    },
    INDEX,
  );
  const title = { "org.opencontainers.image.title": "sbom.spdx.json" };
  const file = { ...(await pushBlob(client, SBOM, "application/spdx+json")), annotations: title };
  const empty = await pushBlob(client, "{}", "application/vnd.oci.empty.v1+json");
  const artifactType = "application/spdx+json";
  await pushManifest(client, undefined, { artifactType, config: empty, layers: [file], subject: index });
  return { base: `http://localhost:${httpPort}`, host: `localhost:${httpPort}`, amd64 };
}

describeWith([CHROMIUM], "the page of a tag in a browser", () => {
  test("leads from an index to its platforms, their layers and configuration, downloads an SBOM, and compares with another tag", async () => {
    const { base, amd64 } = await start();
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    await page.goto(`${base}${PATH}`);
    await page.getByRole("link", { name: "v2", exact: true }).click();
    await page.getByRole("heading", { name: "v2", exact: true }).waitFor();
    expect(await page.locator("dl.facts").first().textContent()).toContain("linux/amd64, linux/arm64/v8");

    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "sbom.spdx.json" }).click();
    const saved = await download;
    expect(saved.suggestedFilename()).toBe("sbom.spdx.json");
    expect(await Bun.file(await saved.path()).text()).toBe(SBOM);

    await page.getByRole("link", { name: "linux/amd64" }).click();
    await page.waitForURL(`${base}${PATH}/-/manifests/${amd64.digest}`);
    expect(await page.getByRole("img", { name: "The sizes of 2 layers, in order" }).count()).toBe(1);
    const bar = await page.getByRole("img", { name: "The sizes of 2 layers" }).boundingBox();
    const table = await page.locator(".table").first().boundingBox();
    expect(bar?.width).toBe(table?.width);
    expect(await page.getByRole("row", { name: /ADD base/ }).textContent()).toContain("v1");
    expect(await page.getByText("VERSION", { exact: true }).isVisible()).toBe(true);
    expect(await page.getByRole("link", { name: "Delete…" }).count()).toBe(1);

    await page.goto(`${base}${PATH}/-/tags/v2`);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.waitForURL(`${base}${PATH}/-/compare?from=v1&to=v2`);
    await page.getByText("only in the second").first().waitFor();
    expect(await page.getByRole("row", { name: /Environment VERSION/ }).textContent()).toMatch(/12$/);
  });

  test("copies a pull command by one press, also twice, and by keys", async () => {
    const { base, host } = await start();
    const context = await openBrowser({ permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    await signIn(page, base, "bob");
    await page.goto(`${base}${PATH}/-/tags/v1`);
    const copied = () => page.evaluate<string>("navigator.clipboard.readText()");
    const podman = page.getByRole("button", { name: "Copy: podman pull" });
    await podman.click();
    await podman.getByText("Copied").waitFor();
    await podman.click();
    expect(await copied()).toBe(`podman pull --tls-verify=false ${host}/team/app:v1`);
    await page.getByRole("button", { name: "Copy: docker pull" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Copied").nth(1).waitFor();
    expect(await copied()).toBe(`docker pull ${host}/team/app:v1`);
    await podman.getByText("Copy", { exact: true }).waitFor();
  });

  test("leads to the history of the tag, and to changes those alone who may", async () => {
    const { base } = await start();
    for (const [user, actions] of [
      ["alice", ["History of this tag", "Set another tag…", "Restore…", "Delete…"]],
      ["bob", ["History of this tag"]],
    ] as const) {
      const page = await (await openBrowser()).newPage();
      await signIn(page, base, user);
      await page.goto(`${base}${PATH}/-/tags/v1`);
      expect(await page.locator(".head a.button").allInnerTexts()).toEqual([...actions]);
      await page.getByRole("link", { name: "History of this tag" }).click();
      await page.waitForURL(`${base}${PATH}/-/tags/v1/moves`);
    }
  });
});
