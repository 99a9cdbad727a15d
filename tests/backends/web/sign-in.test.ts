import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

describe("a sign-in", () => {
  test("shows what the user may read, until the sign-out", async () => {
    const { httpPort } = await startTestServer();
    await new RegistryClient(httpPort, "team/app").pushImage("v1");
    const browser = new WebClient(httpPort);
    expect(await browser.text("/")).not.toContain("team/app");
    const signedIn = await browser.signIn("alice", "change-me", "/?x=1");
    expect([signedIn.status, signedIn.headers.get("Location")]).toEqual([303, "/?x=1"]);
    expect(await browser.text("/")).toContain("team/app");
    const signedOut = await browser.submit("/sign-out", {});
    expect([signedOut.status, signedOut.headers.get("Location")]).toEqual([303, "/"]);
    expect(await browser.text("/")).not.toContain("team/app");
  });

  test("with a wrong password says so, and a session's cookie is of one registry's key", async () => {
    const { httpPort } = await startTestServer();
    const browser = new WebClient(httpPort);
    const refused = await browser.signIn("alice", "wrong");
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain("The name or the password is wrong.");
    const forged = await browser.fetch("/account", { headers: { Cookie: "everlock=a.b.c" } });
    expect([forged.status, forged.headers.get("Location")]).toEqual([
      303,
      "/sign-in?next=%2Faccount&ended=true",
    ]);
  });

  test("counts as a login: ten wrong ones are limited, and where the user is known the right one goes in", async () => {
    const { httpPort } = await startTestServer();
    const browser = new WebClient(httpPort);
    await browser.signIn("alice", "change-me");
    await Promise.all(Array.from({ length: 10 }, (_, i) => browser.signIn("alice", `wrong${i}`)));
    const limited = await browser.signIn("alice", "wrong");
    expect(limited.status).toBe(429);
    expect(await limited.text()).toMatch(/too many failed logins. Try again in \d+ seconds?\./);
    const right = await new WebClient(httpPort).signIn("alice", "change-me");
    expect(right.status).toBe(303);
  }, 30_000);

  test("that has ended leads a script, which swaps a part of the page, to load it whole", async () => {
    const { httpPort } = await startTestServer();
    const headers = { Cookie: "everlock=a.b.c", "Sec-Fetch-Dest": "empty" };
    const response = await new WebClient(httpPort).fetch("/", { headers });
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([401, null]);
    expect(await response.text()).toContain("your session has ended");
  });

  test("that a page of another site has sent is refused", async () => {
    const { httpPort } = await startTestServer();
    const response = await new WebClient(httpPort).fetch("/sign-in", {
      method: "POST",
      headers: { "Sec-Fetch-Site": "cross-site" },
      body: "user=alice&password=change-me",
    });
    expect(response.status).toBe(403);
  });
});

describe("a sign-out", () => {
  test("ends the session for who has kept the cookie too, also after a restart; other sessions of the user go on", async () => {
    const first = await startTestServer();
    const [cookie, otherCookie] = [await cookieOf(first.httpPort), await cookieOf(first.httpPort)];
    const status = async (port: number, sent: string) =>
      (await new WebClient(port).fetch("/account", { headers: { Cookie: sent } })).status;
    const signedOut = await new WebClient(first.httpPort).fetch("/sign-out", {
      method: "POST",
      headers: { Cookie: cookie },
    });
    expect(signedOut.headers.get("Set-Cookie")).toStartWith("everlock=; Path=/; Max-Age=0");
    expect([await status(first.httpPort, cookie), await status(first.httpPort, otherCookie)]).toEqual([
      303, 200,
    ]);
    await first.server.stop();
    const { httpPort } = await startTestServer([], first.dataDir);
    expect([await status(httpPort, cookie), await status(httpPort, otherCookie)]).toEqual([303, 200]);
  });

  test("without a session changes nothing", async () => {
    const { httpPort, dataDir } = await startTestServer();
    await new WebClient(httpPort).signIn("alice", "change-me");
    const before = filesBelow(`${dataDir}/everlock-users`);
    for (const headers of [
      {},
      { Cookie: "everlock=a.b.c" },
      { Authorization: `Basic ${btoa("alice:change-me")}` },
    ])
      expect((await new WebClient(httpPort).fetch("/sign-out", { method: "POST", headers })).status).toBe(
        303,
      );
    expect(filesBelow(`${dataDir}/everlock-users`)).toEqual(before);
  });
});

function filesBelow(path: string): string[] {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => `${parentPath}/${name} ${statSync(`${parentPath}/${name}`).size}`)
    .sort();
}

async function cookieOf(httpPort: number): Promise<string> {
  const { headers } = await new WebClient(httpPort).signIn("alice", "change-me");
  return headers.get("Set-Cookie")?.split(";")[0] ?? "";
}

test("the pages are off with --no-backend-web", async () => {
  const { httpPort } = await startTestServer(["--no-backend-web"]);
  const response = await new WebClient(httpPort).fetch("/");
  expect([response.status, response.headers.get("Content-Type")]).toEqual([404, "application/json"]);
});
