import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { describeWith } from "../support/tools.ts";
import { startHiddenWorld } from "../support/web/hidden-world.ts";
import { PAGE_ADDRESSES } from "../support/web/web-addresses.ts";
import { WebClient } from "../support/web-client.ts";

const SCREENSHOTS = `${import.meta.dir}/screenshots`;
const WIDTHS = [390, 1280] as const;
const SCHEMES = ["light", "dark"] as const;
/** Script and style together, compressed. */
const MAX_ASSET_BYTES = 60 * 1024;
const PRINTED_INK = "rgb(28, 31, 35)";
/** Of the keyboard on a page. */
const MOST_STOPS = 80;
const TIMEOUT = 120_000;

/** A page of an administrator, and what all pages are with a repository in it. */
async function start() {
  const world = await startHiddenWorld();
  const examples = await world.hide();
  const base = `http://localhost:${world.httpPort}`;
  const page = await (await openBrowser()).newPage();
  await signIn(page, base, "alice");
  const paths = PAGE_ADDRESSES.flatMap((address) => address.paths(examples));
  const more = ["/sign-in", "/no-such-page", `/?at=${examples.commit}`];
  return { ...world, base, page, paths: [...new Set([...paths, ...more])] };
}

async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
  );
}

/** The elements that make the page wider than the screen, the innermost last. */
async function tooWideOn(page: Page, width: number): Promise<string[]> {
  const find = `document.documentElement.scrollWidth <= ${width} ? [] :
    [...document.querySelectorAll("body *")]
      .filter((element) => !element.closest(".table, pre, code, .skip") && element.getBoundingClientRect().right > ${width})
      .map((element) => element.outerHTML.slice(0, 100))`;
  return page.evaluate(find);
}

/** A file name for a path. */
function nameOf(path: string): string {
  return (
    path
      .replace(/[^a-z0-9]+/gi, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 60) || "repositories"
  );
}

describeWith([CHROMIUM], "every page", () => {
  test(
    "has no fault of accessibility that axe finds, in light and dark colours, and asks no other host",
    async () => {
      const { base, page, paths } = await start();
      const hosts = new Set<string>();
      const refused: string[] = [];
      page.on("request", (request) => void hosts.add(new URL(request.url()).host));
      page.on("console", (message) => {
        if (message.text().includes("Content Security Policy")) refused.push(message.text());
      });
      const faults: string[] = [];
      for (const path of paths) {
        await page.goto(base + path);
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          for (const fault of await faultsOf(page)) faults.push(`${path} ${colorScheme} ${fault}`);
        }
      }
      expect(faults).toEqual([]);
      expect(refused).toEqual([]);
      expect([...hosts]).toEqual([new URL(base).host]);
    },
    TIMEOUT,
  );

  test(
    "fits narrow and wide screens, light and dark; the pictures are in tests/web/screenshots",
    async () => {
      const { base, page, paths } = await start();
      mkdirSync(SCREENSHOTS, { recursive: true });
      const tooWide: string[] = [];
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        for (const path of paths) {
          await page.goto(base + path);
          for (const element of await tooWideOn(page, width)) tooWide.push(`${path} at ${width}: ${element}`);
          for (const colorScheme of SCHEMES) {
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            const file = `${SCREENSHOTS}/${nameOf(path)}-${width}-${colorScheme}.png`;
            await page.screenshot({ path: file, fullPage: true });
          }
        }
      }
      expect(tooWide).toEqual([]);
    },
    TIMEOUT,
  );

  test(
    "is printed dark on white, without what only a screen can do",
    async () => {
      const { base, page, paths } = await start();
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      const find = `[getComputedStyle(document.body).color, ...[...document.querySelectorAll("button, input, .sections")]
        .filter((element) => element.checkVisibility() && !(element.value && element.closest(".filters")))
        .map((element) => element.outerHTML.slice(0, 100))]`;
      const faults: string[] = [];
      for (const path of paths) {
        await page.goto(base + path);
        const [ink = "", ...shown] = await page.evaluate<string[]>(find);
        if (ink !== PRINTED_INK) faults.push(`${path}: ${ink}`);
        for (const element of shown) faults.push(`${path}: ${element}`);
      }
      expect(faults).toEqual([]);
    },
    TIMEOUT,
  );

  test(
    "shows where the keyboard is on the way through it",
    async () => {
      const { base, page, paths } = await start();
      const find = `(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return undefined;
        const { width, height } = element.getBoundingClientRect();
        const isSeen = element.matches(":focus-visible") && getComputedStyle(element).outlineStyle === "solid";
        return isSeen && width > 0 && height > 0 ? "" : element.outerHTML.slice(0, 100);
      })()`;
      const faults: string[] = [];
      for (const path of paths) {
        await page.goto(base + path);
        for (let i = 0; i < MOST_STOPS; i++) {
          await page.keyboard.press("Tab");
          const fault = await page.evaluate<string | undefined>(find);
          if (fault === undefined) break;
          if (fault !== "") faults.push(`${path}: ${fault}`);
        }
      }
      expect(faults).toEqual([]);
    },
    TIMEOUT,
  );

  test(
    "shows the same without scripts",
    async () => {
      const { base, page, paths } = await start();
      const plain = await (await openBrowser({ javaScriptEnabled: false })).newPage();
      await signIn(plain, base, "alice");
      const differ: string[] = [];
      for (const path of paths) {
        const shown = await Promise.all(
          [page, plain].map(async (each) => {
            await each.goto(base + path);
            return each.locator("h1, th, td").allTextContents();
          }),
        );
        if (shown[1]?.length === 0 || shown[0]?.join() !== shown[1]?.join()) differ.push(path);
      }
      expect(differ).toEqual([]);
    },
    TIMEOUT,
  );
});

test("script and style of the pages together are less than 60 KiB, compressed", async () => {
  const { httpPort } = await startHiddenWorld();
  const browser = new WebClient(httpPort);
  const html = await browser.text("/");
  const paths = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  expect(paths.map((path) => path.split(".").at(-1))).toEqual(["css", "js"]);
  let bytes = 0;
  for (const path of paths) {
    const response = await browser.fetch(path);
    expect(response.headers.get("Cache-Control")).toContain("immutable");
    bytes += Bun.gzipSync(await response.arrayBuffer()).length;
  }
  expect(bytes).toBeLessThan(MAX_ASSET_BYTES);
});
