import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { consoleLines } from "../support/console-line.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";

async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  await consoleLines(server, "/users add bob change-me", "/users grant bob http/oci/default/team/** writer");
  const client = new RegistryClient(httpPort, "team/app");
  for (const tag of ["v1", "v2", "v3"]) await client.pushImage(tag, 1000);
  const isThere = async (tag: string) =>
    (await client.fetch(`manifests/${tag}`, { method: "HEAD" })).status === 200;
  const tags = async () => {
    const found: string[] = [];
    for (const tag of ["v1", "v2", "v3"]) if (await isThere(tag)) found.push(tag);
    return found;
  };
  return { server, base: `http://localhost:${httpPort}`, client, tags };
}

describeWith([CHROMIUM], "a change in the browser", () => {
  test("deletes the checked tags after a preview, and is undone right after, which is undone too", async () => {
    const { base, tags } = await start();
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    await page.goto(`${base}/repositories/team/app`);
    await page.getByLabel("Select all on this page").check();
    await page.getByLabel("Select v2").uncheck();
    await page.getByRole("button", { name: "Delete selected tags…" }).click();
    await page.getByText("2 tags would be deleted.").waitFor();
    expect(await tags()).toEqual(["v1", "v2", "v3"]);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/commits\/[0-9a-f]{64}\/done$/);
    expect(await tags()).toEqual(["v2"]);
    expect(await page.getByRole("status").first().textContent()).toContain("delete team/app:v1,v3 (2 tags)");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText(/undo [0-9a-f]{12} \(team\/app\)/).waitFor();
    expect(await tags()).toEqual(["v1", "v2", "v3"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("team/app:v1 deleted").waitFor();
    expect(await tags()).toEqual(["v2"]);
  });

  test("moves a tag to the image of another one, says that a write-once tag stays, and is undone", async () => {
    const { server, base, client } = await start();
    const digest = async (tag: string) =>
      (await client.fetch(`manifests/${tag}`, { method: "HEAD" })).headers.get("Docker-Content-Digest");
    const [one, two] = [await digest("v1"), await digest("v2")];
    const page = await (await openBrowser({ javaScriptEnabled: false })).newPage();
    await signIn(page, base, "bob");
    await page.goto(`${base}/repositories/team/app/-/tags/v2`);
    await page.getByRole("link", { name: "Set another tag…" }).click();
    await page.getByLabel("Tag to set").fill("v1");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByText("1 tag would be changed.").waitFor();
    expect(await digest("v1")).toBe(one);
    await page.getByRole("button", { name: "Set the tag" }).click();
    await page.waitForURL(/\/done$/);
    expect(await page.getByRole("status").first().textContent()).toContain("tag team/app:v2 as v1");
    expect(await digest("v1")).toBe(two);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("undo ").first().waitFor();
    expect(await digest("v1")).toBe(one);
    await consoleLines(server, "/oci set default immutable=v1");
    await page.goto(`${base}/repositories/team/app/-/retag?source=v2&tag=v1`);
    expect(await page.getByRole("alert").textContent()).toContain("'team/app:v1' is write-once");
    expect(await page.getByRole("button", { name: "Set the tag" }).count()).toBe(0);
  });

  test("restores a tag without scripts, and says if it was pushed since the preview", async () => {
    const { base, client } = await start();
    const digest = async () =>
      (await client.fetch("manifests/v1", { method: "HEAD" })).headers.get("Docker-Content-Digest");
    const before = await digest();
    const context = await openBrowser({ javaScriptEnabled: false });
    const page = await context.newPage();
    await signIn(page, base, "bob");
    await page.goto(`${base}/repositories/team/app/-/log`);
    const commit = await page.locator('a[href*="/commits/"]').first().getAttribute("href");
    const to = /\/commits\/([0-9a-f]+)/.exec(commit ?? "")?.[1] ?? "";
    await client.pushImage("v1", 1000);
    await page.goto(`${base}/repositories/team/app`);
    // `bob` may not delete.
    expect(await page.getByRole("link", { name: "Delete…" }).count()).toBe(0);
    expect(await page.locator('input[name="tag"]').count()).toBe(0);
    await page.getByRole("link", { name: "Restore…" }).click();
    await page.getByLabel("Tag").fill("v1");
    await page.getByLabel("To", { exact: true }).fill(to);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByText("1 tag would be changed.").waitFor();
    const pushed = await client.pushImage("v1", 1000);
    await page.getByRole("button", { name: "Restore" }).click();
    await page.getByText("is no longer what the preview has shown").waitFor();
    expect(await digest()).toBe(pushed.digest);
    await page.getByRole("button", { name: "Restore" }).click();
    await page.waitForURL(/\/done$/);
    expect(await digest()).toBe(before);
  });
});
