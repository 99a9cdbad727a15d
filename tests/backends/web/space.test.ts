import { describe, expect, test } from "bun:test";
import type { SpaceDocument } from "../../../src/backends/web/api/space.ts";
import { seriesOf } from "../../../src/backends/web/pages/components/space/growth.tsx";
import { consoleLines } from "../../support/console-line.ts";
import { eventually } from "../../support/eventually.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  const api = async (path: string, user = "alice") => {
    const headers = { Host: "localhost", Authorization: `Basic ${btoa(`${user}:change-me`)}` };
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, { headers });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  /** Once it is measured. */
  const space = async () => {
    let found: SpaceDocument["measurement"];
    await eventually(async () => {
      const { json } = await api("/space");
      found = (json as SpaceDocument).measurement;
      return found !== undefined;
    });
    if (!found) throw new Error("the registry was not measured");
    return found;
  };
  return { server, httpPort, api, space };
}

describe("the space of a registry", () => {
  test("shows bytes, what sharing saves, the largest repositories, and what the rules would delete and why", async () => {
    const { server, httpPort, space } = await start();
    for (const name of ["team/big", "team/copy"])
      await new RegistryClient(httpPort, name).pushImage("v1", 100_000);
    await new RegistryClient(httpPort, "team/big").pushImage("v2", 200_000);
    await consoleLines(server, "/oci set default cleanup=team/**,newest=1 --yes");
    const measured = await space();
    expect(measured).toMatchObject({ repositories: 2, tags: 3, cleanup: { tags: 1 } });
    expect(measured.cleanup?.named).toEqual([
      { repository: "team/big", reference: "v1", rule: "team/**,newest=1" },
    ]);
    expect(measured.largest?.map(({ repository }) => repository)).toEqual(["team/big", "team/copy"]);
    expect(measured.days.at(-1)?.commits).toBeGreaterThanOrEqual(3);
    expect(measured.days.at(-1)?.addedBytes).toBe(measured.storedBytes ?? 0);
    const browser = new WebClient(httpPort);
    await browser.signIn("alice", "change-me");
    const page = await browser.text("/space?step=week");
    expect(page).toContain("Largest repositories");
    expect(page).toContain("team/**,newest=1");
    expect(page).toContain("Changes a week");
  }, 30_000);

  test("counts bytes that two repositories name as shared, and what each copy would take as saved", async () => {
    const { httpPort, space } = await start();
    const first = new RegistryClient(httpPort, "team/one");
    await first.pushImage("v1", 100_000);
    const manifest = await fetch(`http://127.0.0.1:${httpPort}/v2/team/one/manifests/v1`, {
      headers: {
        Host: "localhost",
        Authorization: `Basic ${btoa("alice:change-me")}`,
        Accept: "application/vnd.oci.image.manifest.v1+json",
      },
    });
    const { layers, config } = (await manifest.clone().json()) as {
      layers: { digest: string; size: number }[];
      config: { digest: string; size: number };
    };
    const put = (path: string, init: RequestInit) =>
      fetch(`http://127.0.0.1:${httpPort}/v2/team/two/${path}`, {
        ...init,
        headers: {
          Host: "localhost",
          Authorization: `Basic ${btoa("alice:change-me")}`,
          ...(init.headers as Record<string, string>),
        },
      });
    for (const { digest } of [...layers, config])
      await put(`blobs/uploads/?mount=${digest}&from=team/one`, { method: "POST" });
    const type = manifest.headers.get("Content-Type") ?? "";
    await put("manifests/v1", {
      method: "PUT",
      headers: { "Content-Type": type },
      body: await manifest.arrayBuffer(),
    });
    const bytes = [...layers, config].reduce((sum, { size }) => sum + size, 0);
    const measured = await space();
    expect(measured).toMatchObject({ namedBytes: bytes, savedBytes: bytes, garbage: { blobs: 0 } });
    expect(measured.largest).toMatchObject([
      { repository: "team/one", ownBytes: 0, sharedBytes: bytes },
      { repository: "team/two", ownBytes: 0, sharedBytes: bytes },
    ]);
  }, 30_000);

  test("is closed to who is no administrator: the page shows the sizes of what they may read", async () => {
    const { server, httpPort, api } = await start();
    await new RegistryClient(httpPort, "team/app").pushImage("v1", 100_000);
    await new RegistryClient(httpPort, "secret/app").pushImage("v1", 100_000);
    await consoleLines(server, "/users add bob change-me", "/users grant bob http/oci/default/team/** owner");
    const refused = await api("/space", "bob");
    expect([refused.status, refused.json["detail"]]).toEqual([
      403,
      "the space of a whole registry requires a system administrator (owner on */*/*), which 'bob' is not",
    ]);
    const browser = new WebClient(httpPort);
    await browser.signIn("bob", "change-me");
    const page = await browser.text("/space");
    expect(page).toContain("team/app");
    expect(page).not.toContain("secret/app");
  }, 30_000);
});

test("the space of a repository is its size and changes; what others share is for administrators", async () => {
  const { server, httpPort, api, space } = await start();
  for (const tag of ["v1", "v2"]) await new RegistryClient(httpPort, "team/app").pushImage(tag, 100_000);
  await consoleLines(server, "/users add bob change-me", "/users grant bob http/oci/default/team/** reader");
  await space();
  const { json: whole } = await api("/repositories/team/app/-/space");
  const { json: part } = await api("/repositories/team/app/-/space", "bob");
  expect(Object.keys(whole).sort()).toEqual(["days", "ownBytes", "sharedBytes", "size"]);
  expect(Object.keys(part).sort()).toEqual(["days", "size"]);
  expect(part["days"]).toEqual([{ day: expect.any(String), commits: 2 }]);
  expect((await api("/repositories/team/none/-/space", "bob")).status).toBe(404);
  expect((await api("/repositories/other/app/-/space", "bob")).status).toBe(403);
  const browser = new WebClient(httpPort);
  await browser.signIn("bob", "change-me");
  const page = await browser.text("/repositories/team/app/-/space");
  expect(page).toContain("Largest tags");
  expect(page).not.toContain("Shared");
}, 30_000);

describe("the growth of a registry", () => {
  const now = Date.parse("2026-03-10T12:00:00Z");
  const days = [
    { day: "2026-01-01", commits: 1, addedBytes: 10 },
    { day: "2026-03-08", commits: 2, addedBytes: 5 },
    { day: "2026-03-10", commits: 1, addedBytes: 1 },
  ];

  test("has a bar for each day, and what came before the first one is stored too", () => {
    const { commits, stored } = seriesOf(days, "day", now);
    expect(commits).toHaveLength(60);
    expect(commits.slice(-3).map(({ value }) => value)).toEqual([2, 0, 1]);
    expect(commits.at(-1)?.label).toBe("2026-03-10");
    expect(stored?.[0]?.value).toBe(10);
    expect(stored?.slice(-3).map(({ value }) => value)).toEqual([15, 15, 16]);
  });

  test("by week begins with the week of the first day, and ends today", () => {
    const { commits } = seriesOf(days, "week", now);
    expect(commits).toHaveLength(10);
    expect(commits.reduce((sum, { value }) => sum + value, 0)).toBe(4);
    expect(commits.at(-1)).toEqual({ label: "2026-03-04", value: 3 });
  });

  test("without bytes has changes alone", () => {
    const counted = days.map((day) => ({ ...day, addedBytes: undefined }));
    expect(seriesOf(counted, "day", now).stored).toBeUndefined();
  });
});
