import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { afterThisTest } from "./cleanup.ts";

/** The program of a browser, where Debian installs it. */
export const CHROMIUM = "chromium";

/** One browser for all tests of a process; it ends with it. */
let running: Promise<Browser> | undefined;

async function launch(): Promise<Browser> {
  // Tests run as root in containers, where the browser's own sandbox can't be set up.
  const browser = await chromium.launch({
    executablePath: Bun.which(CHROMIUM) ?? CHROMIUM,
    args: ["--no-sandbox"],
  });
  process.once("exit", () => void browser.close());
  return browser;
}

/** A browser of one user, without anything of others; closed after the test. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  running ??= launch();
  const context = await (await running).newContext(options);
  afterThisTest(() => context.close());
  return context;
}

/** Signs in by the form, and waits for the page behind it. */
export async function signIn(page: Page, base: string, user: string, password = "change-me"): Promise<void> {
  await page.goto(`${base}/sign-in`);
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${base}/`);
}
