import { describe, expect, test } from "bun:test";
import { MAX_DOCUMENT_BYTES } from "../../../src/backends/admin-ssh/commands/dialog.ts";
import { parseDocument } from "../../../src/backends/apply/document.ts";
import { planUsers } from "../../../src/backends/apply/plan-users.ts";
import type { UserName } from "../../../src/primitives/users/user.ts";
import { openTestConsole, type TestConsole } from "../../support/test-console.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice@laptop";

const DOCUMENT = `
[[user]]
login = "alice"
display_name = "Alice Liddell"
ssh_keys = ["${KEY}"]
grants = [{ path = "http/oci/team", role = "writer" }]

[[user]]
login = "anon"
grants = [{ path = "http/oci/team/public/**", role = "reader" }]

[[group]]
name = "developers"
members = ["alice"]
grants = [{ path = "http/oci/default/**", role = "reader" }]

[[registry]]
name = "team"
vhosts = ["team.test"]
quota = "1GiB"
immutable = ["v*"]
`;

const apply = (console: TestConsole, input: string, flags = "") => console.run(`/apply ${flags}`, { input });

test("a document of the largest size is compared in time that grows with its length", async () => {
  const console = await openTestConsole();
  const lines = Array.from({ length: 45_000 }, (_, i) => `[[user]]\nlogin="u${i}"\n`);
  const document = lines.join("");
  expect(document.length).toBeGreaterThan(0.9 * MAX_DOCUMENT_BYTES);
  const state = parseDocument(document);
  const users = state.users.map(({ name }) => ({
    name,
    displayName: name,
    isDisabled: false,
    credentials: [],
    grants: [],
  }));
  const { directory } = console.services.users;
  const plan = planUsers(directory.with({ users }), state, { isPruning: true, caller: "admin" as UserName });
  expect([plan.changes, plan.leftAlone[0]?.names]).toEqual([[], ["admin"]]);
});

describe("/apply", () => {
  test("without --yes shows the difference and changes nothing", async () => {
    const console = await openTestConsole();
    const heads = console.heads();
    const { code, stdout } = await apply(console, DOCUMENT);
    expect([code, console.heads()]).toEqual([0, heads]);
    expect(stdout.split("\n").map((line) => line.trim())).toEqual([
      "+ create registry team",
      "+store=everlock-oci-team",
      "+immutable=v*",
      "+quota=1GiB",
      "+vhost=team.test",
      "+ create user alice",
      "display name 'Alice Liddell'",
      "no password",
      "+key SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
      "+grant http/oci/team writer",
      "~ change user anon",
      "+grant http/oci/team/public/** reader",
      "+ create group developers",
      "+member alice",
      "+grant http/oci/default/** reader",
      "left alone, user: admin",
      "left alone, registry: default",
      "4 changes, nothing was changed; add --yes to make them",
      "",
    ]);
  });

  test("with --yes makes it so, in one commit for each store, and a second time changes nothing", async () => {
    const console = await openTestConsole();
    const before = console.heads();
    expect((await apply(console, DOCUMENT, "--yes")).stdout).toContain("4 changes made");
    const after = console.heads();
    expect(after.every((head, i) => head !== before[i])).toBe(true);
    expect(console.services.instances.list()).toMatchObject([
      { name: "default" },
      { name: "team", vhosts: ["team.test"], quota: 1024 ** 3 },
    ]);
    const again = await apply(console, DOCUMENT, "--yes --json");
    expect(JSON.parse(again.stdout)).toMatchObject({
      message: "nothing differs",
      changed: false,
      changes: [],
    });
    expect(console.heads()).toEqual(after);
  });

  test("leaves alone what an entry does not mention: passwords, tokens, grants and settings", async () => {
    const console = await openTestConsole();
    await console.run("/users add bob s3cret-123");
    await console.run("/users grant bob http/oci/default reader");
    await console.run("/users token add bob name=ci");
    await console.run("/oci set default quota=1GiB");
    const bob = () => console.services.users.directory.list().find(({ name }) => name === "bob");
    const before = bob();
    const text = '[[user]]\nlogin = "bob"\ndisplay_name = "Bob"\n[[registry]]\nname = "default"\n';
    expect((await apply(console, text, "--yes")).stdout).toContain("1 change made");
    expect(bob()).toEqual({ ...before, displayName: "Bob" } as typeof before);
    expect(console.services.instances.list()).toMatchObject([{ quota: 1024 ** 3 }]);
    const unset = '[[registry]]\nname = "default"\nquota = ""\n';
    expect((await apply(console, unset, "--yes")).stdout).toContain("-quota=1GiB");
    expect(console.services.instances.list()[0]?.quota).toBeUndefined();
  });

  test("with --prune deletes what the document does not have, but never who applies it", async () => {
    const console = await openTestConsole();
    await apply(console, DOCUMENT, "--yes");
    await console.run("/users add bob s3cret-123");
    await console.run("/groups assign developers bob");
    const text = '[[user]]\nlogin = "alice"\n';
    const { stdout } = await apply(console, text, "--yes --prune");
    expect(stdout).toContain("- delete user bob");
    const { directory } = console.services.users;
    expect(directory.list().map(({ name }) => String(name))).toEqual(["admin", "alice", "anon"]);
    expect(directory.groups()).toMatchObject([{ name: "developers", members: ["alice"] }]);
    // A kind that the document does not have at all is not pruned.
    expect(console.services.instances.list().length).toBe(2);
  });

  test("never ends the administration of the last administrator, or of who applies it", async () => {
    const console = await openTestConsole();
    const heads = console.heads();
    for (const line of ["disabled = true", "grants = []"]) {
      const { code, stderr } = await apply(console, `[[user]]\nlogin = "admin"\n${line}\n`, "--yes");
      expect([code, stderr]).toEqual([4, expect.stringContaining("would end the administration of 'admin'")]);
    }
    expect(console.heads()).toEqual(heads);
  });

  test("changes nothing at all if any of it can't be done", async () => {
    const console = await openTestConsole();
    const heads = console.heads();
    const wrong: [string, number, string][] = [
      [`${DOCUMENT}\n[[group]]\nname = "ops"\nmembers = ["nobody"]\n`, 5, "there is no user 'nobody'"],
      [
        `${DOCUMENT}\n[[registry]]\nname = "other"\nvhosts = ["localhost"]\n`,
        1,
        "'localhost' is the registry",
      ],
      [`${DOCUMENT}\n[[registry]]\nname = "other"\n`, 2, "registry 'other' needs a host"],
      [`${DOCUMENT}\n[[user]]\nlogin = "system"\n`, 2, "'system' is reserved"],
    ];
    for (const [text, code, message] of wrong)
      expect(await apply(console, text, "--yes")).toMatchObject({
        code,
        stderr: expect.stringContaining(message),
      });
    expect(console.heads()).toEqual(heads);
  });

  test.each([
    ['[[user]]\nlogin = "bob"\nlogn = "x"\n', "line 3: unknown key 'logn'"],
    ['\n[[users]]\nlogin = "bob"\n', "line 2: unknown key 'users'; use user, group, registry"],
    ['[[user]]\nlogin = "bob"\npassword = "s3cret"\n', "line 3: a document has no passwords"],
    [
      '[[user]]\nlogin = "bob"\npassword_hash = "$argon2id$v=19$m=999999,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"\n',
      "line 3: password_hash",
    ],
    ['[[user]]\nlogin = "bob"\n[[user]]\nlogin = "bob"\n', "line 4: 'bob' is there twice"],
    [
      '[[user]]\nlogin = "bob"\n[[user.grants]]\npath = "http/oci/x"\nrole = "boss"\n',
      "'boss' is not a role",
    ],
    ['[[user]]\nlogin = "Bob"\n', "line 2: 'Bob' is not a login"],
    ['[[user]]\nlogin = "anon"\ndisabled = true\n', "line 3: 'anon' stands for everybody"],
    ["[[group]]\nmembers = []\n", "line 1: a group needs a name"],
    ['[[registry]]\nname = "x"\nvhosts = "x.test"\n', "line 3: 'vhosts' must be a list"],
    ["[[user]]\nlogin = bob\n", "line 2: "],
    [
      '[[user]]\nlogin = "bob"\ngrants = [{ path = {}, role = "reader" }]\n',
      "line 3: '' is not an access path such as",
    ],
    [
      '[[user]]\nlogin = "bob"\ngrants = [{ path = "http/oci/default", role = {} }]\n',
      "line 3: '' is not a role",
    ],
    ['[[registry]]\nname = "team"\nquota = {}\n', "line 3: 'quota' must be a size"],
    [
      '[[registry]]\nname = "team"\nvhosts = [["team.test"]]\n',
      "line 3: 'vhosts' must be a list of host names",
    ],
    ['user = "bob"\n', "line 1: 'user' is not a list of tables"],
  ])("refuses %j with the line", async (text, message) => {
    const console = await openTestConsole();
    const { code, stderr } = await apply(console, text, "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test("reads no document above its bound", async () => {
    const console = await openTestConsole();
    const { code, stderr } = await apply(console, "#".repeat(MAX_DOCUMENT_BYTES + 1), "--yes");
    expect([code, stderr]).toEqual([2, `error: the document is longer than ${MAX_DOCUMENT_BYTES} bytes\n`]);
  });
});

test("what /export prints changes nothing when it is applied, and makes the same on another server", async () => {
  const console = await openTestConsole();
  await apply(console, DOCUMENT, "--yes");
  const document = (await console.run("/export --password-hashes --json")).stdout;
  const { document: text } = JSON.parse(document) as { document: string };
  expect((await apply(console, text, "--yes --prune")).stdout).toContain("nothing differs");
  const lines = (await console.run("/export")).stdout;
  expect(lines).not.toContain("argon2id");
  expect((await apply(console, lines, "--yes --prune")).stdout).toContain("nothing differs");
  const other = await openTestConsole();
  expect((await apply(other, text, "--yes")).code).toBe(0);
  expect((await other.run("/export --password-hashes --json")).stdout).toBe(document);
});
