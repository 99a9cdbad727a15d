import { describe, expect, test } from "bun:test";
import { consoleLines } from "../../../support/console-line.ts";
import { eventually } from "../../../support/eventually.ts";
import { RegistryClient } from "../../../support/registry-client.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { askApi } from "../../../support/web-api.ts";
import { WebClient } from "../../../support/web-client.ts";

const PATH = "/repositories/team/app";
const ACCESS = ["/users add bob change-me", "/users grant bob http/oci/default/team/** writer"];

async function start(...lines: readonly string[]) {
  const server = await startTestServer();
  const { httpPort, dataDir } = server;
  const client = new RegistryClient(httpPort, "team/app");
  for (const tag of ["v1.9", "v1.10", "latest"]) await client.pushImage(tag, 1000);
  await consoleLines(server, ...ACCESS, ...lines);
  // Only then are tags sorted by other than their names.
  const isCounted = async () =>
    (await askApi(httpPort, "/repositories/team/app/-/tags")).json["total"] !== undefined;
  expect(await eventually(isCounted)).toBe(true);
  const page = async (user: string, path = PATH) => {
    const browser = new WebClient(httpPort);
    if (user !== "anon") await browser.signIn(user, "change-me");
    const response = await browser.fetch(path);
    return { status: response.status, text: await response.text() };
  };
  return { httpPort, dataDir, client, page };
}

/** The names of the tags of a page, in its order. */
function tagsIn(html: string): string[] {
  return [...html.matchAll(/\/-\/tags\/([^"?]+)[^"]*">/g)].map(([, tag = ""]) => tag);
}

describe("the page of a repository", () => {
  test("lists tags in the chosen order, page by page, and finds a part of a name", async () => {
    const { page } = await start();
    const tags = async (query: string) => tagsIn((await page("alice", PATH + query)).text);
    expect(await tags("?sort=version")).toEqual(["v1.9", "v1.10", "latest"]);
    expect(await tags("?sort=name")).toEqual(["latest", "v1.10", "v1.9"]);
    expect(await tags("?sort=name&descending=true")).toEqual(["v1.9", "v1.10", "latest"]);
    expect(await tags("?text=V1.1")).toEqual(["v1.10"]);
    const first = await page("alice", `${PATH}?sort=name&limit=2`);
    expect(tagsIn(first.text)).toEqual(["latest", "v1.10"]);
    const next = first.text.match(/href="([^"]+)" rel="next"/)?.[1]?.replaceAll("&amp;", "&") ?? "";
    expect(tagsIn((await page("alice", next)).text)).toEqual(["v1.9"]);
    expect((await page("alice", `${PATH}?text=none`)).text).toContain("No tag has “none” in its name.");
  });

  test("shows the hour of the last pull of tags and repository, as the API does, and none of the past", async () => {
    const { httpPort, client, page } = await start();
    const hour = () => `${new Date().toISOString().slice(0, 13)}:00:00.000Z`;
    const started = hour();
    await client.fetch("manifests/v1.9");
    const expected = [started, hour()];
    const { json } = await askApi(httpPort, "/repositories/team/app/-/tags?sort=version", "bob");
    const pulled = (json["tags"] as { tag: string; pulled?: string }[]).flatMap((tag) => tag.pulled ?? []);
    expect(pulled).toHaveLength(1);
    expect(expected).toContain(pulled[0] ?? "");
    expect((await askApi(httpPort, "/repositories/team/app", "bob")).json["pulled"]).toBe(pulled[0]);
    const { text } = await page("bob");
    // Of the tag, and of the repository.
    expect(text.match(/, to the hour"/g)).toHaveLength(2);
    expect((await page("bob", `${PATH}/-/tags/v1.9`)).text).toContain(", to the hour");
    expect((await page("bob", `${PATH}/-/tags/latest`)).text).not.toContain("to the hour");
    const past = await page("bob", `${PATH}?at=0s`);
    expect([past.status, past.text.includes("to the hour")]).toEqual([200, false]);
  });

  test("tells who is signed in what they may do, and whose grants there are to administrators alone", async () => {
    const { page } = await start("/users add eve change-me");
    const bob = await page("bob");
    expect(bob.text).toContain("You may pull, push.");
    expect(bob.text).not.toContain("Who has access");
    const alice = await page("alice");
    expect(alice.text).toContain("You may pull, push, delete.");
    expect(alice.text).toContain("http/oci/default/team/**");
    const refused = await page("eve");
    const missing = await page("eve", "/repositories/team/nothing");
    expect([refused.status, missing.status, (await page("anon")).status]).toEqual([403, 403, 401]);
    expect(refused.text.replaceAll("team/app", "X")).toBe(missing.text.replaceAll("team/nothing", "X"));
  });

  test("shows which tags are write-once, and which the next cleanup deletes", async () => {
    const { page } = await start(
      "/oci set default immutable=v*",
      "/oci set default cleanup=team/**,newest=0,keep=latest --yes",
    );
    const { text } = await page("alice");
    expect(text.match(/title="No push can move this tag"/g)).toHaveLength(2);
    expect(text.match(/>cleanup deletes it</g)).toHaveLength(2);
    expect(text).toContain("A rule keeps the 0 newest tags and those that match latest.");
  });

  test("of a past moment shows the tags of then", async () => {
    const { dataDir, page, client } = await start();
    await client.pushImage("later", 1000);
    const git = ["git", "-C", `${dataDir}/everlock-oci-local`, "log", "--format=%H"];
    let commits: string[] = [];
    const isSeen = () => {
      commits = Bun.spawnSync(git).stdout.toString().trim().split("\n");
      return commits.length === 4;
    };
    expect(await eventually(isSeen)).toBe(true);
    const then = await page("alice", `${PATH}?at=${commits[1]}&sort=name`);
    expect(tagsIn(then.text)).toEqual(["latest", "v1.10", "v1.9"]);
    expect(then.text).toContain("it is read-only now");
    expect((await page("alice", `${PATH}?at=2020-01-01T00:00:00Z`)).status).toBe(404);
  });

  test("that has lost its tags says what to type next, to those who may push", async () => {
    const { page, client } = await start(
      "/users add rita change-me",
      "/users grant rita http/oci/default reader",
    );
    for (const tag of ["v1.9", "v1.10", "latest"])
      await client.fetch(`manifests/${tag}`, { method: "DELETE" });
    const command = "podman push --tls-verify=false alpine localhost/team/app:latest";
    expect((await page("alice")).text).toContain(command);
    expect((await page("rita")).text).not.toContain(command);
  });
});

describe("the API of a repository", () => {
  test("returns its rules and the user's roles", async () => {
    const { httpPort } = await start(
      "/oci set default immutable=v*",
      "/oci set default cleanup=team/**,newest=9,keep=v* --yes",
    );
    expect((await askApi(httpPort, "/repositories/team/app", "bob")).json).toMatchObject({
      name: "team/app",
      public: false,
      roles: ["reader", "writer"],
      writeOnce: ["v*"],
      cleanup: "team/**,newest=9,keep=v*",
      by: "alice",
    });
    const { json } = await askApi(httpPort, "/repositories/team/app");
    expect(json["grants"]).toEqual([
      { kind: "user", holder: "alice", disabled: false, role: "owner", path: "*/*/*" },
      { kind: "user", holder: "bob", disabled: false, role: "writer", path: "http/oci/default/team/**" },
    ]);
  });

  test("lists tags with what the page shows of them", async () => {
    const { httpPort } = await start("/oci set default immutable=v*");
    const { json } = await askApi(httpPort, "/repositories/team/app/-/tags?sort=name&limit=1", "bob");
    expect(json).toMatchObject({
      tags: [{ tag: "latest", platforms: ["linux/amd64"], by: "alice", writeOnce: false }],
      total: 3,
    });
    expect(json["next"]).toBeString();
    expect((await askApi(httpPort, "/repositories/Team/-/tags")).json["detail"]).toBe(
      "'Team' is not the name of a repository, such as team/app",
    );
  });
});
