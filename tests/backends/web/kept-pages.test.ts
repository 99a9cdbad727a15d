import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { consoleLines } from "../../support/console-line.ts";
import { eventually } from "../../support/eventually.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer, type TestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

const REPOSITORY = "/repositories/team/app";

afterEach(() => {
  setSystemTime();
});

/** `team/app` with an image; `bob` reads `team/**`. */
async function start() {
  const server = await startTestServer();
  await consoleLines(server, "/users add bob change-me", "/users grant bob http/oci/default/team/** reader");
  await new RegistryClient(server.httpPort, "team/app").pushImage("v1", 1000);
  const browserOf = async (user: string) => {
    const browser = new WebClient(server.httpPort);
    await browser.signIn(user, "change-me");
    return browser;
  };
  return { server, alice: await browserOf("alice"), bob: await browserOf("bob") };
}

/** Loads a page of ten minutes later, which is kept then. */
async function keep(browser: WebClient, path: string): Promise<void> {
  // Another address of the list, until the history and the summaries have the push.
  expect(await eventually(async () => (await browser.text("/?limit=7")).includes("</time>"))).toBe(true);
  setSystemTime(Date.now() + 600_000);
  await browser.text(path);
  setSystemTime();
  expect(await browser.text(path)).toContain("10m ago");
}

type Change = (server: TestServer) => Promise<unknown>;
const CHANGES: Readonly<Record<string, Change>> = {
  "a push": ({ httpPort }) => new RegistryClient(httpPort, "team/other").pushImage("v2", 1000),
  "a deletion": ({ httpPort }) =>
    new RegistryClient(httpPort, "team/app").fetch("manifests/v1", { method: "DELETE" }),
  "a grant": (server) => consoleLines(server, "/users grant anon http/oci/default/team/app reader"),
  "a setting": (server) => consoleLines(server, "/oci set default immutable=v*"),
};

describe("a kept page", () => {
  test.each(Object.keys(CHANGES))("is made again after %s", async (what) => {
    const { server, alice } = await start();
    for (const path of ["/", REPOSITORY, `${REPOSITORY}/-/tags/v1`, "/log"]) await keep(alice, path);
    await CHANGES[what]?.(server);
    expect(await alice.text("/")).not.toContain("10m ago");
    expect(await alice.text("/log")).not.toContain("10m ago");
    const { status } = await alice.fetch(`${REPOSITORY}/-/tags/v1`);
    expect(status).toBe(what === "a deletion" ? 404 : 200);
    if (what === "a setting") expect(await alice.text(REPOSITORY)).toContain("write-once");
    if (what === "a grant") expect(await alice.text("/")).toContain(">public<");
  });

  test("is not sent to another user, nor to its own user once the grant is revoked or the session has ended", async () => {
    const { server, alice, bob } = await start();
    await new RegistryClient(server.httpPort, "secret/app").pushImage("v1", 1000);
    await keep(alice, "/");
    expect(await alice.text("/")).toContain("secret/app");
    expect(await bob.text("/")).not.toContain("secret/app");
    await keep(bob, REPOSITORY);
    await consoleLines(server, "/users revoke bob http/oci/default/team/**");
    expect((await bob.fetch(REPOSITORY)).status).toBe(403);
    await alice.submit("/sign-out", {});
    expect((await alice.fetch("/")).status).not.toBe(500);
    expect(await alice.text("/")).not.toContain("secret/app");
  });

  test("says no-store, so that a browser shows it to nobody after a sign-out", async () => {
    const { alice } = await start();
    await keep(alice, "/");
    expect((await alice.fetch("/")).headers.get("Cache-Control")).toBe("no-store");
  });
});
