import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";
import { askApi } from "../support/web-api.ts";

/** A registry whose first commit, of `team/first`, is at least two seconds older than the first of `team/second`. */
async function start() {
  const { httpPort } = await startTestServer();
  await new RegistryClient(httpPort, "team/first").pushImage("v1", 1000);
  const newestSecond = async () => Date.parse(String((await askApi(httpPort, "/history")).json["newest"]));
  const first = await newestSecond();
  while (Date.now() < first + 2000) await new RegistryClient(httpPort, "team/first").pushImage("v1", 1000);
  await new RegistryClient(httpPort, "team/second").pushImage("v1", 1000);
  return { base: `http://localhost:${httpPort}` };
}

describeWith([CHROMIUM], "the moment that is looked at", () => {
  test("is chosen by a slider without a reload, by keys alone, and the browser's way back leads out of it", async () => {
    const { base } = await start();
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    const names = page.locator("tbody th");
    expect(await names.allInnerTexts()).toEqual(["team/first", "team/second"]);
    // Gone after a reload.
    await page.evaluate("window.stays = true");
    await page.getByText("As of now").focus();
    await page.keyboard.press("Enter");
    const slider = page.getByRole("slider", { name: "Moment of the registry's history" });
    await slider.focus();
    await page.keyboard.press("Home");
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
    await page.waitForURL(/at=\d{4}-/);
    await page.getByRole("status").getByText("This is the registry as of").waitFor();
    expect(await names.allInnerTexts()).toEqual(["team/first"]);
    expect(await page.evaluate("window.stays")).toBe(true);
    // The slider keeps the focus, and links lead to the same moment.
    await page.keyboard.press("End");
    await page.waitForURL(`${base}/`);
    expect(await slider.getAttribute("aria-valuetext")).toBe("now");
    await page.keyboard.press("Home");
    await page.waitForURL(/at=/);
    await page.getByRole("link", { name: "History" }).click();
    await page.waitForURL(/\/log\?at=/);
    expect(await page.getByText("team/second").count()).toBe(0);
    await page.goBack();
    await page.waitForURL(/\/\?at=/);
    await page.goBack();
    await page.waitForURL(`${base}/`);
    await names.nth(1).waitFor();
  });

  test("is told by the slider as the page tells it, also between two marks", async () => {
    const { httpPort } = await startTestServer();
    await new RegistryClient(httpPort, "team/app").pushImage("v1", 1000);
    const base = `http://localhost:${httpPort}`;
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    // Of a longer history, the marks of the slider lie hours apart.
    await page.route("**/api/v1/history", async (route) => {
      const response = await route.fetch();
      const json = (await response.json()) as Readonly<Record<string, unknown>>;
      await route.fulfill({ response, json: { ...json, first: "2001-02-03T04:05:06.000Z" } });
    });
    await page.goto(`${base}/?at=0s`);
    const notice = page.getByRole("status").getByText("This is the registry as of");
    const [time = ""] = (await notice.textContent())?.match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/) ?? [];
    const slider = page.getByRole("slider", { name: "Moment of the registry's history" });
    expect(await slider.getAttribute("aria-valuetext")).toBe(time);
    expect(await page.locator("output").textContent()).toBe(time);
  }, 20_000);

  test("is typed in a form without scripts, and a wrong one is said to be wrong", async () => {
    const { base } = await start();
    const page = await (await openBrowser({ javaScriptEnabled: false })).newPage();
    await signIn(page, base, "alice");
    await page.getByText("As of now").click();
    const field = page.getByLabel("Show the registry as of");
    await field.fill("2000-01-01");
    await field.press("Enter");
    await page.getByText("The registry was empty then").waitFor();
    await page.getByLabel("Show the registry as of").fill("whenever");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("'whenever' is not a point in time").waitFor();
  });
});

describeWith([CHROMIUM], "the log of a registry", () => {
  test("is filtered by a form whose address has the filters alone, and leads to commits and moves", async () => {
    const { base } = await start();
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    await page.getByRole("link", { name: "History" }).click();
    await page.getByLabel("Repository", { exact: true }).fill("team/second");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(`${base}/log?repository=team%2Fsecond`);
    expect(await page.locator("tbody tr").count()).toBe(1);
    await page.locator("tbody tr a.mono").last().click();
    await page.getByRole("heading", { name: "push team/second:v1" }).waitFor();
    await page.getByRole("link", { name: "Compare with before" }).click();
    await page.getByText("added").first().waitFor();
    await page.goto(`${base}/repositories/team/first/-/tags/v1/moves`);
    expect(await page.getByRole("img", { name: /^Time line of/ }).count()).toBe(1);
    expect(await page.getByRole("link", { name: "Restore to this" }).count()).toBeGreaterThan(0);
  });
});
