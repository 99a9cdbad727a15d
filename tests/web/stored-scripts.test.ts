import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { CHROMIUM, openBrowser, signIn } from "../support/browser.ts";
import { consoleLines } from "../support/console-line.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { startTestServer } from "../support/test-server.ts";
import { describeWith } from "../support/tools.ts";
import { pushManifest } from "../support/web/hidden-world.ts";
import { PAGE_ADDRESSES } from "../support/web/web-addresses.ts";
import { WebClient } from "../support/web-client.ts";

/** What runs, loads or breaks something if a page shows it as anything but text. Elements of the class `injected` are not a page's. */
const PAYLOADS: readonly string[] = [
  '<script class="injected">alert(1)</script>',
  '"><img class="injected" src="//evil.test/x" onerror="alert(1)">',
  "' onmouseover='alert(1)' autofocus onfocus='alert(1)' x='",
  '</script></style></title></textarea><svg class="injected" onload="alert(1)">',
  '<a class="injected" href="javascript:alert(1)">x</a>',
  '<iframe class="injected" srcdoc="<script>parent.alert(1)</script>"></iframe>',
  '<style class="injected">*{display:none}</style><link class="injected" rel="stylesheet" href="//evil.test/x.css">',
  '<base class="injected" href="//evil.test/"><meta class="injected" http-equiv="refresh" content="0;url=//evil.test/">',
  '<form class="injected" action="//evil.test/"><button>Sign in</button></form>',
  "&lt;script&gt;alert(1)&lt;/script&gt; &#x3c;img src=x&#x3e;",
  `{{constructor.constructor("alert(1)")()}} \${alert(1)} <%= alert(1) %> [object Object] __proto__`,
  "javascript:alert(1)//http://x.test",
  "data:text/html,<script>alert(1)</script>",
  "\u202egnp.exe\u2066 \u200b\u00ad",
  "a".repeat(3000),
  "\u0007\u001b[31mred\u001b[0m",
];

/** Pages that show a payload at least. */
const MIN_SHOWN = 10;

const LINK_KEYS = ["url", "source", "documentation", "vendor", "title"];

async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  const client = new RegistryClient(httpPort, "team/app");
  const texts = Object.fromEntries([
    ...PAYLOADS.map((payload, index) => [`org.example.${index}`, payload]),
    ...PAYLOADS.map((payload) => [payload.slice(0, 200), "value"]),
    ...LINK_KEYS.map((key) => [`org.opencontainers.image.${key}`, "javascript:alert(document.domain)"]),
  ]);
  const config = {
    ...{ architecture: '<b class="injected">', os: PAYLOADS[0], author: PAYLOADS[1] },
    config: {
      ...{
        Labels: texts,
        Env: PAYLOADS.map((text, index) => `X${index}=${text}`),
        Entrypoint: PAYLOADS,
        Cmd: PAYLOADS,
      },
      ...{
        User: PAYLOADS[0],
        WorkingDir: PAYLOADS[1],
        ExposedPorts: { [PAYLOADS[1] ?? ""]: {} },
        StopSignal: PAYLOADS[0],
      },
    },
    history: PAYLOADS.map((text) => ({ created_by: text, comment: text, author: text, created: text })),
    rootfs: { type: "layers", diff_ids: [] },
  };
  const layer = Buffer.from("layer");
  const push = { config, layer, annotations: texts };
  const { descriptor } = await pushManifest(client, "v1", push);
  await pushManifest(client, undefined, {
    ...push,
    ...{ artifactType: "text/html", subject: descriptor, annotations: texts },
  });
  for (const payload of PAYLOADS.filter((text) => /^[\x20-\x7e]+$/.test(text)))
    await client.fetch("manifests/v2", {
      ...{ method: "PUT", body: await (await client.fetch("manifests/v1")).text() },
      headers: { "Content-Type": descriptor.mediaType, "User-Agent": payload },
    });
  // The names under which browsers save files.
  for (const title of PAYLOADS.slice(0, 6))
    await pushManifest(client, undefined, {
      ...{ config: {}, layer, artifactType: "text/html", subject: descriptor },
      annotations: { "org.opencontainers.image.title": title },
    });
  await consoleLines(server, `/users rename-display alice '${PAYLOADS[0]}'`);
  const browser = new WebClient(httpPort);
  await browser.signIn("alice", "change-me");
  const post = (path: string, body: object) =>
    browser.fetch(`/api/v1${path}`, {
      ...{ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } },
    });
  for (const payload of PAYLOADS.slice(0, 6)) await post("/account/tokens", { name: payload.slice(0, 100) });
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJ5vKBZ3kL6xuJ9O6Y2Yx9o9jXkBrw1sNz0G7nPf9Rk";
  await post("/account/keys", { key: `${key} ${PAYLOADS[1]}` });
  const log = (await (await browser.fetch("/api/v1/log")).json()) as { entries: { commit: string }[] };
  const commits = log.entries.map(({ commit }) => commit);
  const examples = {
    ...{ repository: "team/app", tag: "v1", digest: descriptor.digest, blob: descriptor.digest },
    ...{ commit: commits[0] ?? "", earlier: commits.at(-1) ?? "" },
  };
  return { base: `http://localhost:${httpPort}`, examples };
}

/** Runs in the page: everything on it that must not be there. */
const FIND_FAULTS = `(() => {
  const faults = [];
  if (document.querySelector(".injected")) faults.push("an element of a payload");
  const width = document.documentElement.scrollWidth;
  if (width > window.innerWidth) faults.push(width + " px wide");
  for (const element of document.querySelectorAll("*"))
    for (const { name } of element.attributes) if (name.startsWith("on")) faults.push("an attribute " + name);
  for (const { protocol, origin, rel } of document.querySelectorAll("a[href]")) {
    if (protocol !== "http:" && protocol !== "https:") faults.push("a link to " + protocol);
    else if (origin !== location.origin && !(rel.includes("noreferrer") && rel.includes("nofollow")))
      faults.push("a link to " + origin + " with rel=" + rel);
  }
  return [...new Set(faults)];
})()`;

function faultsOn(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(FIND_FAULTS);
}

describeWith([CHROMIUM], "texts that others have stored", () => {
  test("never run, load or break anything on a page", async () => {
    const { base, examples } = await start();
    const context = await openBrowser({ viewport: { width: 390, height: 800 } });
    const page = await context.newPage();
    const faults: string[] = [];
    let at = "";
    page.on("dialog", (dialog) => {
      faults.push(`${at}: a dialog`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith("data:"))
        faults.push(`${at}: a request to ${url.slice(0, 100)}`);
    });
    page.on("console", (message) => {
      if (/Content Security Policy|Refused to/.test(message.text()))
        faults.push(`${at}: ${message.text().slice(0, 200)}`);
    });
    page.on("pageerror", (error) => faults.push(`${at}: ${error.message}`));
    await signIn(page, base, "alice");
    const stored = PAGE_ADDRESSES.filter(({ pattern }) => !pattern.startsWith("/sign-")).flatMap(
      ({ paths }) => paths(examples),
    );
    const text = encodeURIComponent(PAYLOADS.slice(0, 5).join(" ").slice(0, 250));
    // Each parameter where it is read; a page without it answers that it has none.
    const sent = [
      ...[
        "/?text=",
        "/?at=",
        "/?cursor=",
        "/?none=",
        "/log?user=",
        "/log?client=",
        "/log?since=",
        "/compare?from=",
      ],
      ...[
        "/restore?selection=",
        "/restore?to=",
        "/sign-in?next=",
        "/account?done=",
        "/nothing/",
        "/commits/",
      ],
      ...["/repositories/team/app?text=", "/repositories/team/app/-/log?tag=", "/repositories/"],
    ].map((address) => address + text);
    let shown = 0;
    for (at of [...stored, ...sent]) {
      await page.goto(base + at);
      if (/alert\(1\)/.test((await page.locator("main").textContent()) ?? "")) shown++;
      faults.push(...(await faultsOn(page)).map((fault) => `${at.slice(0, 80)}: ${fault}`));
    }
    expect(faults).toEqual([]);
    // The table tests nothing if pages do not show it.
    expect(shown).toBeGreaterThan(MIN_SHOWN);
  }, 120_000);

  test("in a form of the sign-in lead nowhere else", async () => {
    const { base } = await start();
    const page = await (await openBrowser()).newPage();
    for (const next of [
      "//evil.test/",
      "/\\evil.test",
      "https://evil.test/",
      "javascript:alert(1)",
      "/\t/evil.test",
    ]) {
      await page.context().clearCookies();
      await page.goto(`${base}/sign-in?next=${encodeURIComponent(next)}`);
      await page.getByLabel("User name").fill("alice");
      await page.getByLabel("Password").fill("change-me");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      expect(page.url()).toBe(`${base}/`);
    }
  }, 60_000);
});
