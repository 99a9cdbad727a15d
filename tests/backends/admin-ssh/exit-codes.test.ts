import { expect, test } from "bun:test";
import { consoleCommands, nameOf } from "../../support/console-commands.ts";
import { openTestConsole } from "../../support/test-console.ts";

const COMMANDS = await consoleCommands();

/** Command lines of an administrator in the order in which they are run, each with its exit code. */
const LINES: readonly (readonly [line: string, code: number])[] = [
  ["/users list", 0],
  ["/users add alice s3cret-1", 0],
  ["/users add alice s3cret-1", 3],
  ["/users add Alice s3cret-1", 2],
  ["/users add bob ''", 2],
  ["/users add system s3cret-1", 2],
  ["/users add default s3cret-1", 2],
  ["/users passwd nobody s3cret-1", 5],
  ["/users passwd anon s3cret-1", 4],
  ["/users passwd alice ''", 2],
  ["/users passwd", 2],
  ["/users grant nobody http/oci/default reader", 5],
  ["/users grant alice http/oci reader", 2],
  ["/users grant alice http/oci/default boss", 2],
  ["/users revoke alice http/oci/default", 5],
  ["/users revoke nobody http/oci/default", 5],
  ["/users revoke admin */*/*", 4],
  ["/users grants nobody", 5],
  ["/users disable nobody", 5],
  ["/users disable anon", 4],
  ["/users disable admin", 4],
  ["/users enable nobody", 5],
  ["/users delete nobody", 5],
  ["/users delete admin", 4],
  ["/users rename-display nobody x", 5],
  ["/users rename-display alice ''", 2],
  ["/users key list nobody", 5],
  ["/users key add alice ssh-dss AAAA", 2],
  ["/users key remove alice SHA256:x", 5],
  ["/users token list nobody", 5],
  ["/users token remove alice 0123456789abcdef", 2],
  ["/users token add alice expires=soon", 2],
  ["/users token steal alice", 2],
  ["/groups list", 0],
  ["/groups add developers", 0],
  ["/groups add developers", 3],
  ["/groups add 'two words'", 2],
  ["/groups delete nobody", 5],
  ["/groups assign nobody alice", 5],
  ["/groups assign developers nobody", 5],
  ["/groups assign developers anon", 4],
  ["/groups unassign developers alice", 5],
  ["/groups grant nobody http/oci/default reader", 5],
  ["/groups revoke developers http/oci/default", 5],
  ["/access check nobody http/oci/default", 5],
  ["/access check alice http/oci/*", 2],
  ["/oci list", 0],
  ["/oci create default vhost=other.test", 3],
  ["/oci create team vhost=localhost", 1],
  ["/oci create team references=sparse", 2],
  ["/oci create team vhost=team.test store=none at=1h", 5],
  ["/oci create team vhost=team.test store=everlock-oci-local at=9999-01-01", 2],
  ["/oci create alice vhost=alice.test", 2],
  ["/oci set nowhere references=sparse", 5],
  ["/oci set default references=loose", 2],
  ["/oci set default at=1h", 2],
  ["/oci set default quota=1GiB quota=2GiB", 2],
  ["/oci set default retention=1h", 2],
  ["/oci unset default vhost=other.test", 5],
  ["/oci unset nowhere vhost=other.test", 5],
  ["/oci delete nowhere", 5],
  ["/oci ls nowhere", 5],
  ["/oci ls default nothing", 5],
  ["/oci stat nowhere", 5],
  ["/oci usage default", 0],
  ["/oci usage nowhere", 5],
  ["/oci usage default limit=0", 2],
  ["/oci log nowhere", 5],
  ["/oci log default limit=0", 2],
  ["/oci show default 0123456789", 5],
  ["/oci diff default 0123456789", 5],
  ["/oci diff default never", 2],
  ["/oci rm default nothing --yes", 5],
  ["/oci rm default 'two words'", 2],
  ["/oci restore default app 0123456789", 5],
  ["/oci restore nowhere app 1h", 5],
  ["/oci undo default 0123456789", 5],
  ["/oci undo nowhere 0123456789", 5],
  ["/oci rm nowhere app --yes", 5],
  ["/oci rm default nothing:v1 --yes", 5],
  ["/oci rm default **:pr-* --yes", 5],
  ["/oci tag default nothing:v1 nothing:v2", 5],
  ["/oci tag default nothing:v1 other:v1", 2],
  ["/oci tag default nothing nothing:v1", 2],
  ["/oci copy default nothing new", 5],
  ["/oci copy default nothing New", 2],
  ["/oci rename default nothing nothing", 2],
  ["/oci rename nowhere nothing new", 5],
  ["/oci rm default Nothing", 2],
  ["/oci set default follow=all", 2],
  ["/oci credential nowhere alice", 5],
  ["/oci credential default alice", 1],
  ["/oci promote nowhere", 5],
  ["/oci promote default", 3],
  ["/oci resync nowhere", 5],
  ["/oci resync default --yes", 3],
  ["/oci rm default nothing --no", 2],
  ["/oci set default mode=read-only", 0],
  ["/oci rm default app --yes", 4],
  ["/oci set default mode=normal", 0],
  ["/jobs list", 0],
  ["/jobs run nothing", 5],
  ["/jobs run gc --now", 2],
  ["/jobs cancel nothing", 5],
  ["/jobs cancel gc", 3],
  ["/config reload", 0],
  ["/backends list", 0],
  ["/backends enable nothing", 2],
  ["/backends disable admin-ssh", 4],
  ["/status", 0],
  ["/nodes", 0],
  ["/apply --soon", 2],
  ["/export --everything", 2],
  ["/nothing", 2],
  ["users list", 2],
  ["/help nothing", 2],
];

test("every command is tried, with the exit code of each of its refusals", async () => {
  const console = await openTestConsole();
  const seen: (readonly [string, number])[] = [];
  for (const [line] of LINES) {
    const { code, stderr } = await console.run(line);
    expect([line, stderr !== ""]).toEqual([line, code !== 0]);
    seen.push([line, code]);
  }
  expect(seen).toEqual([...LINES]);
  const isTried = (name: string) => LINES.some(([line]) => `${line} `.startsWith(`${name} `));
  expect(COMMANDS.map(nameOf).filter((name) => !isTried(name))).toEqual([]);
});

test("a command for administrators has the exit code 4 for everybody else, and one with too many words 2", async () => {
  const console = await openTestConsole();
  await console.run("/users add alice s3cret-1");
  for (const { adminOnly, example } of COMMANDS)
    if (adminOnly)
      expect([example, (await console.run(example, { as: "alice" })).code]).toEqual([example, 4]);
  for (const { parameters, example } of COMMANDS) {
    if (parameters.at(-1)?.repeated) continue;
    const line = `${example} ${"x ".repeat(parameters.length + 1)}`;
    expect([line, (await console.run(line)).code]).toEqual([line, 2]);
  }
});

test("a repository that a user may not read has the exit code 4, whether it exists or not", async () => {
  const console = await openTestConsole();
  await console.run("/users add alice s3cret-1");
  for (const verb of ["ls", "log"])
    expect((await console.run(`/oci ${verb} default nothing`, { as: "alice" })).code).toBe(4);
  expect((await console.run("/users key list admin", { as: "alice" })).code).toBe(4);
});
