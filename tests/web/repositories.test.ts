import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";

async function start() {
  const { httpPort } = await startTestServer();
  for (const name of ["library/alpine", "team/api", "team/web"])
    await new RegistryClient(httpPort, name).pushImage("v1", 100_000);
  return { base: `http://localhost:${httpPort}` };
}

describeWith([CHROMIUM], "the list of repositories", () => {
  test("is searched while its reader types, and the address can be shared", async () => {
    const { base } = await start();
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    expect(await page.locator("tbody th").allInnerTexts()).toEqual([
      "library/alpine",
      "team/api",
      "team/web",
    ]);
    await page.getByRole("searchbox").pressSequentially("team/w");
    await page.waitForURL(/text=team%2Fw/);
    await page.locator("tbody tr").nth(1).waitFor({ state: "detached" });
    expect(await page.locator("tbody th").allInnerTexts()).toEqual(["team/web"]);
    await page.reload();
    expect(await page.locator("tbody th").allInnerTexts()).toEqual(["team/web"]);
  });

  test("without scripts is searched by a press of Enter", async () => {
    const { base } = await start();
    const page = await (await openBrowser({ javaScriptEnabled: false })).newPage();
    await signIn(page, base, "alice");
    await page.getByRole("searchbox").fill("alpine");
    await page.getByRole("searchbox").press("Enter");
    await page.waitForURL(/text=alpine/);
    expect(await page.locator("tbody th").allInnerTexts()).toEqual(["library/alpine"]);
  });
});
