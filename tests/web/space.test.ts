import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";

describeWith([CHROMIUM], "the space page", () => {
  test("shows plots with their numbers, and leads to the largest repository", async () => {
    const { httpPort } = await startTestServer();
    await new RegistryClient(httpPort, "team/app").pushImage("v1", 100_000);
    const base = `http://localhost:${httpPort}`;
    const page = await (await openBrowser()).newPage();
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await signIn(page, base, "alice");
    await page.getByRole("link", { name: "Space" }).click();
    // While it is measured for the first time, the page has this link alone.
    const again = page.getByRole("link", { name: "Look again" });
    while (await again.isVisible()) await again.click();
    await page.getByRole("img", { name: /^Stored bytes: / }).waitFor();
    await page.getByRole("link", { name: "by week" }).click();
    await page.getByRole("img", { name: /^Changes a week: / }).waitFor();
    await page.getByText("Numbers").last().click();
    expect(await page.getByRole("figure").last().getByRole("cell").count()).toBe(8);
    await page.getByRole("link", { name: "team/app" }).click();
    await page.waitForURL(/repositories\/team\/app/);
    // The policy against styles and scripts in the page refused nothing.
    expect(errors).toEqual([]);
  }, 30_000);
});
