import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { consoleLines } from "../../support/console-line.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

const PATHS = ["/", "/repositories/team/app", "/log", "/?at=1s", "/account"];

async function seen(client: WebClient, path: string) {
  const response = await client.fetch(path, { headers: { Accept: "text/html,*/*;q=0.8" } });
  const type = response.headers.get("Content-Type")?.split(";")[0];
  const retry = response.headers.get("Retry-After") !== null;
  return { status: response.status, type, retry, text: (await response.text()).replace(/\s+/g, " ") };
}

describe("a registry under maintenance", () => {
  test("says so in the administrator's words to all but administrators, who see it, and lets everybody sign in and out", async () => {
    const server = await startTestServer();
    const { httpPort } = server;
    await new RegistryClient(httpPort, "team/app").pushImage("v1");
    await consoleLines(
      server,
      "/users add bob change-me",
      "/users grant bob http/oci/default reader",
      "/users grant anon http/oci/default reader",
    );
    const [anon, bob, alice] = [new WebClient(httpPort), new WebClient(httpPort), new WebClient(httpPort)];
    await bob.signIn("bob", "change-me");
    await consoleLines(server, "/oci set default 'mode=maintenance=we move to new disks until 6 pm <soon>'");
    for (const client of [anon, bob]) {
      for (const path of PATHS) {
        const page = await seen(client, path);
        expect([path, page.status, page.type, page.retry]).toEqual([path, 503, "text/html", true]);
        expect(page.text).toContain("<h1>Under maintenance</h1>");
        expect(page.text).toContain("we move to new disks until 6 pm &lt;soon>");
        expect(page.text).not.toContain("team/app:");
      }
      const api = await client.fetch("/api/v1/repositories");
      expect([api.status, api.headers.get("Content-Type"), await api.json()]).toEqual([
        503,
        "application/problem+json",
        expect.objectContaining({ detail: "we move to new disks until 6 pm <soon>" }),
      ]);
    }
    expect((await seen(anon, "/sign-in")).status).toBe(200);
    expect((await bob.submit("/sign-out", {})).status).toBe(303);
    expect((await alice.signIn("alice", "change-me")).status).toBe(303);
    for (const path of PATHS) expect([path, (await seen(alice, path)).status]).toEqual([path, 200]);
    await consoleLines(server, "/oci set default mode=normal");
    expect((await seen(anon, "/repositories/team/app")).status).toBe(200);
  });
});

describe("a registry out of service", () => {
  test("says so on every page and in the API, also to administrators, with where the reason is", async () => {
    const first = await startTestServer();
    await new RegistryClient(first.httpPort, "team/app").pushImage("v1");
    await consoleLines(first, "/users grant anon http/oci/default reader");
    await first.server.stop();
    rmSync(`${first.dataDir}/everlock-oci-local/refs/heads/main`);
    const { httpPort } = await startTestServer([], first.dataDir);
    const [anon, alice] = [new WebClient(httpPort), new WebClient(httpPort)];
    expect((await alice.signIn("alice", "change-me")).status).toBe(303);
    for (const client of [anon, alice]) {
      for (const path of PATHS.slice(0, 4)) {
        const page = await seen(client, path);
        expect([path, page.status, page.type, page.retry]).toEqual([path, 503, "text/html", true]);
        expect(page.text).toContain("<h1>Out of service</h1>");
        expect(page.text).toContain("The server’s log has the reason");
        // The store's name and path are the operator's.
        expect(page.text).not.toContain("everlock-oci-local");
      }
      const api = await client.fetch("/api/v1/repositories");
      expect([api.status, api.headers.get("Content-Type")]).toEqual([503, "application/problem+json"]);
    }
    expect((await seen(alice, "/account")).status).toBe(200);
  });
});
