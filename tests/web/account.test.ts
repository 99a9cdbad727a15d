import { expect, test } from "bun:test";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { describeWith } from "../support/tools.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOWjQbFAT2uhJqJ7qfCSOo5VKdBfgnb2qHNDyFGXqUV4 alice@laptop";

describeWith([CHROMIUM, "ssh", "sshpass"], "the account page", () => {
  test("makes and revokes a token, adds a key, changes the password; '/users passwd' ends the session", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const base = `http://localhost:${server.httpPort}`;
    const page = await (await openBrowser()).newPage();
    await signIn(page, base, "alice");
    await page.getByRole("link", { name: "alice" }).click();
    await page.getByText("the registry default").first().waitFor();

    await page.getByLabel("Name", { exact: true }).fill("ci");
    await page.getByLabel("Only repositories like").fill("team/**");
    await page.getByRole("button", { name: "Make a token" }).click();
    const token = (await page.getByRole("status").locator("code").allInnerTexts()).join();
    expect(token).toMatch(/^evl_/);
    const ask = () =>
      fetch(`${base}/api/v1/repositories`, { headers: { Authorization: `Basic ${btoa(`alice:${token}`)}` } });
    expect((await ask()).status).toBe(200);
    await page.getByRole("button", { name: "Revoke ci" }).click();
    await page.getByRole("button", { name: "Revoke the token" }).click();
    await page.getByText("The API token is revoked.").waitFor();
    expect((await ask()).status).toBe(401);

    await page.getByLabel(/^Public key/).fill(KEY);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("cell", { name: "alice@laptop", exact: true }).waitFor();

    await page.getByLabel("Present password").fill("change-me");
    await page.getByLabel("New password", { exact: true }).fill("another-one");
    await page.getByLabel("New password again").fill("another-one");
    await page.getByRole("button", { name: "Change the password" }).click();
    await page.getByText("The password is changed.").waitFor();

    const { code } = await server.console(undefined, "/users passwd alice a-third-one\n");
    expect(code).toBe(0);
    await page.reload();
    await page.getByText("Your session has ended.").waitFor();
    await page.getByLabel("User name").fill("alice");
    await page.getByLabel("Password").fill("a-third-one");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/\/account/);
  }, 60_000);
});
