import { describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { consoleLines } from "../../support/console-line.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { describeWith } from "../../support/tools.ts";
import { WebClient } from "../../support/web-client.ts";

const APP = "/repositories/team/app";
const USER_LINES = [
  "/users add bob change-me",
  "/users grant bob http/oci/default/team/** writer",
  "/users add carol change-me",
  "/users grant carol http/oci/default/team/** reader",
];

/** A server with `team/app:v1` of an older and a newer image, and `v2`. `bob` may push and `carol` pull. */
async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  await consoleLines(server, ...USER_LINES);
  const client = new RegistryClient(httpPort, "team/app");
  const older = await client.pushImage("v1", 1000);
  const newer = await client.pushImage("v1", 1000);
  const other = await client.pushImage("v2", 1000);
  const ask = async (method: string, path: string, body?: object, user = "alice") => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, {
      method,
      headers: {
        Host: "localhost",
        "User-Agent": "test",
        "Content-Type": "application/json",
        ...(user !== "anon" && { Authorization: `Basic ${btoa(`${user}:change-me`)}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, unknown>;
    return { status: response.status, json };
  };
  const tags = async () => {
    const entries: [string, string | null][] = [];
    for (const tag of ["v1", "v2"]) {
      const response = await client.fetch(`manifests/${tag}`, { method: "HEAD" });
      entries.push([tag, response.headers.get("Docker-Content-Digest")]);
    }
    return Object.fromEntries(entries.filter(([, digest]) => digest !== null));
  };
  const browserOf = async (user: string) => {
    const browser = new WebClient(httpPort);
    await browser.signIn(user, "change-me");
    return browser;
  };
  return { server, httpPort, client, ask, tags, browserOf, older, newer, other };
}

/** The fields of the form that confirms a preview. */
function fieldsOf(html: string): Record<string, string> {
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  return Object.fromEntries(fields.map(([, name = "", value = ""]) => [name, value]));
}

async function refused(response: Response) {
  return { status: response.status, text: await response.text() };
}

describe("the API", () => {
  test("shows what a change would do, does exactly that once, and undoes it", async () => {
    const { ask, tags, newer, other } = await start();
    const before = await tags();
    const body = { tags: ["v1", "v2"] };
    const unconfirmed = await ask("POST", `${APP}/-/delete`, body);
    expect([unconfirmed.status, unconfirmed.json["detail"]]).toEqual([
      409,
      "nothing was changed: this would change 2 tags and 0 manifests; send 'preview' of the same request with 'dryRun', or 'yes'",
    ]);
    const dryRun = await ask("POST", `${APP}/-/delete`, { ...body, dryRun: true });
    expect(dryRun.json).toEqual({
      tags: 2,
      moves: [
        { repository: "team/app", tag: "v1", before: newer.digest },
        { repository: "team/app", tag: "v2", before: other.digest },
      ],
      manifests: { restored: 0, deleted: 0, kept: 2 },
      preview: expect.stringMatching(/^[0-9a-f]{32}-[0-9a-f]{16}$/),
    });
    expect(await tags()).toEqual(before);
    const confirmed = { ...body, preview: dryRun.json["preview"] };
    const [first, second] = await Promise.all([
      ask("POST", `${APP}/-/delete`, confirmed),
      ask("POST", `${APP}/-/delete`, confirmed),
    ]);
    expect([first.status, second.json["commit"]]).toEqual([200, first.json["commit"]]);
    expect(await tags()).toEqual({});
    const undone = await ask("POST", `/commits/${first.json["commit"]}/undo`, { yes: true });
    expect([undone.status, await tags()]).toEqual([200, before]);
    // The preview of before is another one: it is not carried out a second time for another reason.
    const again = await ask("POST", `${APP}/-/delete`, confirmed);
    expect([again.json["commit"], await tags()]).toEqual([first.json["commit"], before]);
    const elsewhere = await ask("POST", "/repositories/team/other/-/restore", {
      to: "0s",
      preview: dryRun.json["preview"],
    });
    expect(elsewhere.status).toBe(409);
  });

  test("carries out nothing else than what a preview has shown", async () => {
    const { ask, client, tags } = await start();
    const body = { tag: "v1", to: "0s" };
    const dryRun = await ask("POST", `${APP}/-/delete`, { pattern: "v*", dryRun: true });
    await client.pushImage("v2", 1000);
    const before = await tags();
    const moved = await ask("POST", `${APP}/-/delete`, { pattern: "v*", preview: dryRun.json["preview"] });
    expect([moved.status, moved.json["detail"]]).toEqual([
      409,
      "nothing was changed: what it would change is no longer what the preview has shown",
    ]);
    const other = await ask("POST", `${APP}/-/restore`, { ...body, preview: dryRun.json["preview"] });
    expect([other.status, await tags()]).toEqual([409, before]);
    const forged = await ask("POST", `${APP}/-/restore`, { ...body, preview: "yes" });
    expect(forged).toMatchObject({ status: 400, json: { detail: "'preview' is not that of a preview" } });
  });

  test("deletes a tag at once, and a manifest with tags only if that is confirmed", async () => {
    const { ask, tags, newer, other } = await start();
    expect((await ask("DELETE", `${APP}/-/tags/v2?dryRun=true`)).json).toMatchObject({ tags: 1 });
    expect((await ask("DELETE", `${APP}/-/tags/v2`)).status).toBe(200);
    expect(await tags()).toEqual({ v1: newer.digest });
    expect((await ask("DELETE", `${APP}/-/manifests/${newer.digest}`)).status).toBe(409);
    expect((await ask("DELETE", `${APP}/-/manifests/${other.digest}`)).status).toBe(200);
    const deleted = await ask("DELETE", `${APP}/-/manifests/${newer.digest}?yes=true`);
    expect([deleted.json["manifests"], await tags()]).toEqual([{ restored: 0, deleted: 1, kept: 0 }, {}]);
    expect((await ask("DELETE", `${APP}/-/tags/v2`)).status).toBe(404);
  });

  test("refuses who may not, also what was shown to another user", async () => {
    const { ask, tags } = await start();
    const before = await tags();
    const { json } = await ask("DELETE", `${APP}/-/tags/v1?dryRun=true`);
    for (const [user, status] of [
      ["bob", 403],
      ["carol", 403],
      ["anon", 401],
    ] as const) {
      expect(
        (await ask("DELETE", `${APP}/-/tags/v1?preview=${json["preview"]}`, undefined, user)).status,
      ).toBe(status);
      expect((await ask("POST", "/restore", { to: "0s", dryRun: true }, user)).status).toBe(status);
    }
    const { status } = await ask("POST", `${APP}/-/restore`, { to: "1h", yes: true }, "bob");
    expect([status, await tags()]).toEqual([403, before]);
  });

  test.each([
    [{}, "exactly one of 'tags', 'pattern', 'digest' and 'all' says what is deleted"],
    [
      { tags: ["v1"], all: true },
      "exactly one of 'tags', 'pattern', 'digest' and 'all' says what is deleted",
    ],
    [{ tags: ["*"] }, "'*' is not a tag: up to 128 letters, digits, '.', '_' and '-'"],
    [{ digest: "v1" }, "'v1' is not a digest, such as sha256: and 64 hex digits"],
    [{ pattern: "a b" }, "a selection is <repository>"],
    [{ tags: Array.from({ length: 1001 }, () => "v1") }, "the body is not valid: 'tags'"],
  ])("refuses a deletion of %j", async (body, words) => {
    const { ask } = await start();
    const { status, json } = await ask("POST", `${APP}/-/delete`, { ...body, yes: true });
    expect([status, json["detail"]]).toEqual([400, expect.stringContaining(words)]);
  });

  test("deletes what a pattern matches in one commit, of which it lists the first hundred tags", async () => {
    const { ask, client, older } = await start();
    await Promise.all(Array.from({ length: 120 }, (_, n) => client.putManifest(`pr-${n}`, older.manifest)));
    const { json } = await ask("POST", "/delete", { selection: "team/*:pr-*", yes: true });
    expect(json).toMatchObject({ tags: 120, moves: { length: 100 } });
    const undone = await ask("POST", `/commits/${json["commit"]}/undo`, { yes: true });
    expect(undone.json).toMatchObject({ tags: 120, moves: { length: 120 } });
  });

  test("says what can't be restored, and to which tags that applies", async () => {
    const { server, ask, client, other } = await start();
    const pushed = await ask("DELETE", `${APP}/-/manifests/${other.digest}?yes=true`);
    const [blob] = [...new Bun.Glob(`**/${other.layer.slice("sha256:".length)}`).scanSync(server.dataDir)];
    await Bun.file(`${server.dataDir}/${blob}`).delete();
    const { json } = await ask("POST", `/commits/${pushed.json["commit"]}/undo`, { dryRun: true });
    expect(json).toMatchObject({
      obstacle: `nothing was changed: the store no longer has ${other.layer}`,
      blocked: [{ repository: "team/app", tag: "v2", after: other.digest }],
    });
    const undone = await ask("POST", `/commits/${pushed.json["commit"]}/undo`, { yes: true });
    expect([undone.status, (await client.fetch("manifests/v2")).status]).toEqual([409, 404]);
  });
});

describe("a page", () => {
  test("shows what an undo would do, does it after a confirmation, and offers the undo", async () => {
    const { ask, browserOf, tags, newer, other } = await start();
    const { json } = await ask("DELETE", `${APP}/-/tags/v2`);
    const browser = await browserOf("bob");
    const undoAddress = `/commits/${json["commit"]}/undo`;
    const preview = await browser.text(undoAddress);
    expect(preview).toContain("1 tag would be changed.");
    expect(await tags()).toEqual({ v1: newer.digest });
    const submitted = await browser.submit(undoAddress, fieldsOf(preview));
    const location = submitted.headers.get("Location") ?? "";
    expect([submitted.status, location]).toEqual([
      303,
      expect.stringMatching(/^\/commits\/[0-9a-f]{64}\/done$/),
    ]);
    expect(await tags()).toEqual({ v1: newer.digest, v2: other.digest });
    // The same form again leads to the same page.
    const again = await browser.submit(undoAddress, fieldsOf(preview));
    expect(again.headers.get("Location")).toBe(location);
    const done = await browser.text(location);
    expect(done).toContain(`undo ${String(json["commit"]).slice(0, 12)} (team/app:v2)`);
    // An undo of it deletes a tag, which `bob` may not.
    expect(done).toContain("It can't be undone: undoing requires delete access");
    const owner = await browserOf("alice");
    const offered = await owner.text(location);
    const redone = await owner.submit(location.replace("/done", "/undo"), fieldsOf(offered));
    expect([redone.status, await tags()]).toEqual([303, { v1: newer.digest }]);
  });

  test("shows what a restore would do as of a moment, and pins that moment", async () => {
    const { ask, client, browserOf, tags, newer } = await start();
    const { json } = await ask("DELETE", `${APP}/-/tags/v2`);
    const then = String(json["commit"]);
    await client.pushImage("v1", 1000);
    const browser = await browserOf("bob");
    expect(await browser.text(`${APP}/-/restore?tag=v1`)).toContain("2h, 2026-01-31T12:00:00Z or a commit");
    const address = `${APP}/-/restore?tag=v1&to=${then.slice(0, 12)}`;
    const preview = await browser.text(address);
    expect(fieldsOf(preview)).toMatchObject({ tag: "v1", to: then });
    const submitted = await browser.submit(`${APP}/-/restore`, fieldsOf(preview));
    expect([submitted.status, await tags()]).toEqual([303, { v1: newer.digest }]);
    expect(await browser.text(address)).toContain("There is nothing to restore");
    expect((await browser.fetch("/restore?to=1h")).status).toBe(403);
    const carol = await browserOf("carol");
    expect((await carol.fetch(`${APP}/-/restore`)).status).toBe(403);
  });

  test("pins a restore to an age by the time, not by the last commit before it, which may be another repository's", async () => {
    const { client, browserOf } = await start();
    const pushed = Math.floor(Date.now() / 1000);
    while (Date.now() < (pushed + 1) * 1000) await Bun.sleep(20);
    await client.pushImage("v1", 1000);
    const browser = await browserOf("bob");
    const to = new Date(pushed * 1000).toISOString();
    expect(fieldsOf(await browser.text(`${APP}/-/restore?tag=v1&to=${to}`))).toMatchObject({ tag: "v1", to });
  });

  test("says if something has moved since its preview, and changes nothing", async () => {
    const { client, browserOf, tags } = await start();
    const browser = await browserOf("alice");
    const address = `${APP}/-/delete?tag=v1&tag=v2`;
    const preview = await browser.text(address);
    await client.pushImage("v2", 1000);
    const before = await tags();
    const moved = await refused(await browser.submit(address, { ...fieldsOf(preview), tag: "v1" }));
    expect(moved.status).toBe(409);
    expect(moved.text).toContain("what it would change is no longer what the preview has shown");
    expect(await tags()).toEqual(before);
  });

  test("of a deletion shows a preview for checked tags, and changes nothing without its token", async () => {
    const { browserOf, tags } = await start();
    const browser = await browserOf("alice");
    const before = await tags();
    const preview = await browser.submit(`${APP}/-/delete`, { tag: "v1" });
    expect([preview.status, await preview.text(), await tags()]).toEqual([
      200,
      expect.stringContaining("1 tag would be deleted."),
      before,
    ]);
  });

  test("is refused for who may not, and leads to the sign-in after the session has ended", async () => {
    const { browserOf, tags } = await start();
    const before = await tags();
    const owner = await browserOf("alice");
    const address = `${APP}/-/delete?tag=v1`;
    const fields = fieldsOf(await owner.text(address));
    for (const user of ["bob", "carol"]) {
      const browser = await browserOf(user);
      expect((await browser.fetch(address)).status).toBe(403);
      expect((await browser.submit(address, fields)).status).toBe(403);
    }
    await owner.submit("/sign-out", {});
    const ended = await refused(await owner.submit(address, fields));
    expect([ended.status, await tags()]).toEqual([401, before]);
    expect(ended.text).toContain(`/sign-in?next=${encodeURIComponent(address)}`);
  });

  test("is refused by a registry that is read-only, serves the past, or has write-once tags", async () => {
    const { server, browserOf, tags } = await start();
    const before = await tags();
    const browser = await browserOf("alice");
    const address = `${APP}/-/delete?tag=v1`;
    const fields = fieldsOf(await browser.text(address));
    for (const [setting, words] of [
      ["mode=read-only", "is read-only for now"],
      ["mode=normal immutable=v1", "is write-once"],
    ] as const) {
      await consoleLines(server, `/oci set default ${setting}`);
      const response = await refused(await browser.submit(address, fields));
      expect([response.status, response.text, await tags()]).toEqual([
        403,
        expect.stringContaining(words),
        before,
      ]);
    }
  });
});

describeWith(["git"], "a change by a browser", () => {
  test("has the commit that the console would make, but for user, client and address", async () => {
    const { server, ask, client, newer } = await start();
    const then = (await ask("DELETE", `${APP}/-/tags/v2`)).json["commit"];
    await client.pushImage("v1", 1000);
    const pushed = (await ask("POST", `${APP}/-/restore`, { tag: "v1", to: then, yes: true })).json["commit"];
    await client.pushImage("v3", 1000);
    const changes: readonly (readonly [path: string, body: object, line: string])[] = [
      [`${APP}/-/retag`, { source: "v1", tag: "next" }, "/oci tag default team/app:v1 team/app:next"],
      [
        `${APP}/-/retag`,
        { source: newer.digest, tag: "v3" },
        `/oci tag default team/app@${newer.digest} team/app:v3`,
      ],
      ["/delete", { selection: "team/*:v*" }, "/oci rm default team/*:v* --yes"],
      [`${APP}/-/delete`, { tags: ["v1"] }, "/oci rm default team/app:v1 --yes"],
      [`${APP}/-/delete`, { all: true }, "/oci rm default team/app --yes"],
      [`${APP}/-/delete`, { digest: newer.digest }, `/oci rm default team/app@${newer.digest} --yes`],
      [`${APP}/-/restore`, { to: pushed }, `/oci restore default team/app ${pushed} --yes`],
      [`/commits/${pushed}/undo`, {}, `/oci undo default ${pushed} --yes`],
    ];
    const made: string[] = [];
    for (const [path, body, line] of changes) {
      const { json } = await ask("POST", path, { ...body, yes: true });
      const undone = await ask("POST", `/commits/${json["commit"]}/undo`, { yes: true });
      expect([path, undone.status]).toEqual([path, 200]);
      await consoleLines(server, line);
      expect((await ask("POST", "/restore", { to: undone.json["commit"], yes: true })).status).toBe(200);
      made.push(String(json["commit"]));
    }
    await server.server.stop();
    const commits = commitsIn(server.dataDir);
    for (const commit of made) {
      const index = commits.findIndex(({ id }) => id === commit);
      const [browser, , console] = commits.slice(index, index + 3);
      expect([browser?.tree, common(browser?.message)]).toEqual([console?.tree, common(console?.message)]);
      expect([browser?.message, console?.message]).toEqual([
        expect.stringContaining("Client: test\nRemote: 127.0.0.1"),
        expect.not.stringContaining("Client: test"),
      ]);
    }
  });
});

/** The commits of the registry's store, oldest first. */
function commitsIn(dataDir: string) {
  const [git = ""] = [...new Bun.Glob("everlock-oci-*/**/HEAD").scanSync(dataDir)];
  const log = Bun.spawnSync([
    "git",
    "--git-dir",
    dirname(`${dataDir}/${git}`),
    "log",
    "--reverse",
    "--format=%H%n%T%n%B%x00",
    "main",
  ]);
  return log.stdout
    .toString()
    .split("\0")
    .map((text) => text.trim().split("\n"))
    .map(([id, tree, ...message]) => ({ id, tree, message: message.join("\n") }));
}

/** A message without the lines in which a browser and the console differ. */
function common(message = ""): string {
  return message.replace(/^(?:Client|Remote): .*\n?/gm, "").trim();
}
