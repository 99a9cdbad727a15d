import { describe, expect, test } from "bun:test";
import { EVENT_KINDS } from "../../../src/backends/oci-http/operations/log-page.ts";
import { consoleLines } from "../../support/console-line.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { askApi } from "../../support/web-api.ts";
import { WebClient } from "../../support/web-client.ts";

/** A word that stands in a repository which `bob` may not read: in its name, its tags and what is done there. */
const CANARY = "canary";

/** `team/app` gets `v1`, a second `v1` and `v2`; `v2` is deleted. Between them, a hidden repository changes. `bob` reads `team/**`. */
async function start() {
  const server = await startTestServer();
  const { httpPort } = server;
  await consoleLines(
    server,
    "/users add bob change-me",
    "/users grant bob http/oci/default/team/** reader",
    "/users add eve change-me",
  );
  const app = new RegistryClient(httpPort, "team/app");
  const hidden = new RegistryClient(httpPort, `${CANARY}/app`);
  const first = await app.pushImage("v1", 1000);
  await hidden.pushImage(`${CANARY}-v1`, 1000);
  const second = await app.pushImage("v1", 1000);
  await app.pushImage("v2", 1000);
  await app.fetch("manifests/v2", { method: "DELETE" });
  await hidden.pushImage(`${CANARY}-v2`, 1000);
  await consoleLines(server, `/oci copy default ${CANARY}/app team/copy`);
  const ask = async (path: string, user = "alice") => (await askApi(httpPort, path, user)).json;
  const browserOf = async (user: string) => {
    const browser = new WebClient(httpPort);
    if (user !== "anon") await browser.signIn(user, "change-me");
    return browser;
  };
  const log = (await ask("/log"))["entries"] as readonly { commit: string; subject: string }[];
  const commitOf = (subject: string) => log.findLast((entry) => entry.subject === subject)?.commit ?? "";
  return { ...server, ask, browserOf, first, second, log, commitOf };
}

const SUBJECTS = [
  `copy ${CANARY}/app to team/copy`,
  `push ${CANARY}/app:${CANARY}-v2`,
  "delete team/app:v2",
  "push team/app:v2",
  "push team/app:v1",
  `push ${CANARY}/app:${CANARY}-v1`,
  "push team/app:v1",
];

const subjectsIn = (json: Readonly<Record<string, unknown>>) =>
  (json["entries"] as readonly { subject: string }[]).map(({ subject }) => subject);

const WRONG = [
  ["/log?tag=v1", "'tag' requires 'repository': the repository of the tag"],
  [
    "/log?since=whenever",
    "'whenever' is not a time: 'since' is a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or an age such as 2h",
  ],
  ["/log?kind=all", `the query is not valid: 'kind' must be one of ${EVENT_KINDS.join(", ")}`],
  ["/log?cursor=x", "the cursor is not one of this list; begin with the first page"],
  ["/commits/latest", "'latest' is not a commit: at least 4 hexadecimal digits in lower case"],
  ["/compare", "the query is not valid: must have required properties from"],
  ["/compare?from=2h&cursor=x", "the cursor is not one of this list; begin with the first page"],
] as const;

describe("the past by the API", () => {
  test("the log is narrowed by each filter, has pages both ways, and ends at a moment", async () => {
    const { ask, commitOf } = await start();
    const subjects = async (path: string) => subjectsIn(await ask(path));
    expect(await subjects("/log")).toEqual(SUBJECTS);
    expect(await subjects("/log?user=bob")).toEqual([]);
    expect(await subjects("/log?kind=delete")).toEqual(["delete team/app:v2"]);
    expect(await subjects("/log?client=no-such-client")).toEqual([]);
    expect(await subjects("/log?since=1h&until=2000-01-01")).toEqual([]);
    expect(await subjects("/log?repository=team/app&tag=v1")).toEqual([
      "push team/app:v1",
      "push team/app:v1",
    ]);
    expect(await subjects("/repositories/team/app/-/log?tag=v2")).toEqual([
      "delete team/app:v2",
      "push team/app:v2",
    ]);
    expect(await subjects(`/log?at=${commitOf("push team/app:v2")}`)).toEqual(SUBJECTS.slice(3));
    expect(await subjects("/log?at=2000-01-01")).toEqual([]);
    const first = await ask("/log?limit=3");
    expect(first).not.toHaveProperty("previous");
    const second = await ask(`/log?limit=3&cursor=${first["next"]}`);
    expect(subjectsIn(second)).toEqual(SUBJECTS.slice(3, 6));
    expect(subjectsIn(await ask(`/log?limit=3&cursor=${second["previous"]}`))).toEqual(SUBJECTS.slice(0, 3));
  });

  test("now is the end of a comparison, and a registry as of now is the present", async () => {
    const { ask, browserOf } = await start();
    const changes = async (query: string) => (await ask(`/compare?${query}`))["changes"];
    expect(await changes("from=1h&to=now")).toEqual(await changes("from=1h"));
    expect(await changes("from=1h&to=now")).toHaveLength(5);
    const alice = await browserOf("alice");
    const page = await alice.text("/compare?from=1h&to=now");
    expect(page).toContain('value="now"');
    expect(page).toContain("at=now");
    const present = await alice.text("/repositories/team/app?at=now");
    expect(present).toContain("Delete");
    expect(present).not.toContain("read-only");
    expect(present).not.toContain('href="/?at=');
  });

  test("wrong parameters are refused in words that say what would be right", async () => {
    const { httpPort } = await startTestServer();
    for (const [path, detail] of WRONG)
      expect(await askApi(httpPort, path)).toMatchObject({ status: 400, json: { detail } });
  });

  test("a commit is shown whole, with its parent and what it changed", async () => {
    const { ask, first, second, commitOf } = await start();
    const id = commitOf("delete team/app:v2");
    const deleted = await ask(`/commits/${id.slice(0, 12)}`);
    expect(deleted).toMatchObject({
      commit: id,
      parent: commitOf("push team/app:v2"),
      author: { name: "alice" },
      kind: "delete",
      subject: "delete team/app:v2",
      more: false,
    });
    expect(deleted["trailers"]).toContainEqual({ name: "Tag", value: "v2" });
    expect(deleted["changes"]).toContainEqual({
      kind: "tag",
      repository: "team/app",
      tag: "v2",
      before: expect.stringMatching(/^sha256:/),
    });
    const { moves } = (await ask("/repositories/team/app/-/tags/v1/moves")) as {
      moves: readonly { commit: string }[];
    };
    expect(moves).toMatchObject([{ before: first.digest, after: second.digest }, { after: first.digest }]);
    const whole = await ask(`/commits/${moves[0]?.commit}`);
    expect(whole["changes"]).toContainEqual({
      kind: "tag",
      repository: "team/app",
      tag: "v1",
      before: first.digest,
      after: second.digest,
    });
  });

  test("a commit's parent is the last one before it that the user may see", async () => {
    const { ask, log } = await start();
    const [second, hidden, first] = log.slice(4).map(({ commit }) => commit);
    expect((await ask(`/commits/${second}`))["parent"]).toBe(hidden);
    expect((await ask(`/commits/${second}`, "bob"))["parent"]).toBe(first);
    expect(await ask(`/commits/${first}`, "bob")).not.toHaveProperty("parent");
    expect((await ask(`/compare?from=${first}&to=${second}`, "bob"))["changes"]).toHaveLength(1);
    const refused = await ask(`/compare?from=${hidden}&to=${second}`, "bob");
    expect(refused["detail"]).toBe(`no commit '${hidden}' that changed what you may read`);
  });

  test("two moments are compared page by page, as a whole or in one repository", async () => {
    const { ask, first, second, log, commitOf } = await start();
    const oldest = log.at(-1)?.commit;
    const pages: unknown[] = [];
    for (let cursor = ""; ; ) {
      const page = await ask(`/compare?from=${oldest}&limit=1${cursor}`);
      const changes = page["changes"] as readonly unknown[];
      expect(changes.length).toBeLessThanOrEqual(1);
      pages.push(...changes);
      if (page["next"] === undefined) break;
      cursor = `&cursor=${page["next"]}`;
    }
    const whole = (await ask(`/compare?from=${oldest}`))["changes"] as readonly unknown[];
    expect(pages).toEqual(whole as unknown[]);
    expect(whole).toHaveLength(5);
    expect(whole).toContainEqual({
      repository: "team/app",
      tag: "v1",
      before: first.digest,
      after: second.digest,
    });
    const path = `/compare?repository=team/app&from=${oldest}&to=${commitOf("push team/app:v2")}`;
    expect((await ask(path))["changes"]).toHaveLength(2);
    const back = await ask(`/compare?repository=team/app&from=${oldest}&to=2000-01-01`);
    expect(back["changes"]).toEqual([{ repository: "team/app", tag: "v1", before: first.digest }]);
  });

  test("the range of the history counts what the user may see", async () => {
    const { ask } = await start();
    const commits = async (user: string) =>
      ((await ask("/history", user))["days"] as readonly { commits: number }[]).reduce(
        (sum, day) => sum + day.commits,
        0,
      );
    expect(await commits("alice")).toBe(SUBJECTS.length);
    expect(await commits("bob")).toBe(5);
    expect(await ask("/history", "eve")).toEqual({ days: [] });
    expect(await ask("/history", "anon")).toEqual({ days: [] });
  });
});

describe("the pages of the past", () => {
  test("show log, commit, comparison and moves, and lead to each other", async () => {
    const { browserOf, first, second, commitOf } = await start();
    const browser = await browserOf("alice");
    const log = await browser.text(
      "/repositories/team/app/-/log?user=&kind=push&tag=v1&since=&until=&client=",
    );
    expect(log.match(/>push </g)?.length).toBe(2);
    expect(log).toContain('href="/repositories/team/app/-/tags/v1"');
    expect(log).toContain('<option value="push" selected>');
    const id = commitOf("push team/app:v1");
    const commit = await browser.text(`/commits/${id}`);
    expect(commit).toContain(`href="/?at=${id}"`);
    expect(commit).toContain(`href="/compare?from=1970-01-01&amp;to=${id}"`);
    const moves = await browser.text("/repositories/team/app/-/tags/v1/moves");
    expect(moves).toContain(`href="/repositories/team/app/-/restore?tag=v1&amp;to=${id}"`);
    expect(moves.match(/Restore to this/g)?.length).toBe(1);
    const compared = await browser.text(`/compare?from=${id}&repository=team/app`);
    for (const { digest } of [first, second]) expect(compared).toContain(digest);
    expect(await browser.text("/compare")).toContain("Type two moments");
  });

  test("show the registry as of a moment, which a notice names, and the empty one before the first commit", async () => {
    const { browserOf, commitOf } = await start();
    const browser = await browserOf("alice");
    const id = commitOf("push team/app:v2");
    const then = await browser.text(`/repositories/team/app?at=${id}`);
    expect(then).toContain("/-/tags/v2?at=");
    expect(then).toContain("push team/app:v2");
    expect(then).toContain("It is read-only.");
    expect(await browser.text("/repositories/team/app")).not.toContain("/-/tags/v2");
    expect(await browser.text("/?at=2000-01-01")).toContain("The registry was empty then");
    const wrong = await browser.fetch("/?at=whenever");
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      expect.stringContaining("is not a point in time"),
    ]);
    const unknown = await browser.fetch("/?at=0123456789");
    expect([unknown.status, await unknown.text()]).toEqual([
      404,
      expect.stringContaining("no commit matches"),
    ]);
  });

  test("and the API tell a user nothing of a repository that the user may not read", async () => {
    const { browserOf, log, ask } = await start();
    const oldest = log.at(-1)?.commit ?? "";
    const paths = [
      ...["/log", "/log?client=", "/log?at=1s", "/repositories/team/copy/-/log", "/?at=1s"],
      ...[`/?at=${log[1]?.commit}`, `/compare?from=${oldest}`, `/compare?from=1970-01-01`, "/history"],
      ...[`/repositories/${CANARY.slice(0, 3)}/-/log`, "/repositories/team/copy/-/tags/v1/moves"],
      ...log.map(({ commit }) => `/commits/${commit}`),
      ...["/repositories/team/copy?at=1s", "/repositories/team/app/-/tags/v1/moves"],
    ];
    for (const user of ["bob", "eve", "anon"]) {
      const browser = await browserOf(user);
      for (const path of paths) {
        const shown = await browser.text(path);
        expect([path, user, shown.includes(`${CANARY}/`)]).toEqual([path, user, false]);
        expect([path, user, JSON.stringify(await ask(path, user)).includes(`${CANARY}/`)]).toEqual([
          path,
          user,
          false,
        ]);
      }
    }
    // The test would find it.
    expect(JSON.stringify(await ask(`/compare?from=${oldest}`))).toContain(`${CANARY}/`);
    const answers = ["canary/app", "nothing/app"].map(async (name) => {
      const found = await (await browserOf("bob")).fetch(`/repositories/${name}/-/log`);
      return [found.status, (await found.text()).replaceAll(name, "NAME")];
    });
    const [hidden, missing] = await Promise.all(answers);
    expect(hidden).toEqual(missing ?? []);
  });
});
