import { expect, test } from "bun:test";
import { LocalConsole } from "../../../src/backends/admin-ssh/local-console.ts";
import { openTestConsole } from "../../support/test-console.ts";

async function openLocal() {
  const { services, heads } = await openTestConsole();
  const audit: string[] = [];
  const ignore = () => undefined;
  const local = new LocalConsole(services, {
    info: (line) => void audit.push(line),
    warn: ignore,
    error: ignore,
  });
  const run = async (line: string, input?: string) => {
    const printed: string[] = [];
    const end = await local.run({ line, input, by: "uid 0" }, async (lines) => void printed.push(...lines));
    return { ...end, printed };
  };
  return { run, audit, heads, services };
}

test("the operator of the machine may do what an administrator may, and the log names the operator", async () => {
  const { run, audit } = await openLocal();
  expect(await run("/users disable admin")).toMatchObject({ kind: "failed", failure: { kind: "refused" } });
  expect(await run("/groups add developers")).toEqual({
    kind: "done",
    printed: ["group 'developers' created"],
  });
  expect(audit.at(-1)).toBe(
    'audit: {"user":"system","remote":"this machine (uid 0)","command":"/groups add developers","outcome":"done"}',
  );
});

test("the log has the beginning alone of a long command, and of a refusal that repeats it", async () => {
  const { run, audit } = await openLocal();
  const long = "x".repeat(100_000);
  expect(await run(`/groups add ${long}`)).toMatchObject({ kind: "failed" });
  const { command, outcome } = JSON.parse(audit.at(-1)?.replace("audit: ", "") ?? "");
  expect([command, command.length]).toEqual([expect.stringMatching(/^\/groups add x+…$/), 1001]);
  expect([outcome, outcome.length]).toEqual([expect.stringMatching(/^refused: 'x+…$/), 1001]);
});

test("a line that needs a password is not run, and is run with it", async () => {
  const { run, audit, heads, services } = await openLocal();
  const before = heads();
  expect(await run("/users add alice")).toEqual({
    kind: "needs",
    needs: { kind: "secret", question: "Password: " },
    printed: [],
  });
  expect([heads(), audit]).toEqual([before, []]);
  expect((await run("/users add alice", "s3cret-12")).kind).toBe("done");
  expect(services.users.directory.list().map(({ name }) => String(name))).toContain("alice");
});

test("a question can't be asked: the line must have --yes", async () => {
  const { run } = await openLocal();
  expect(await run("/users add default s3cret-12")).toMatchObject({
    kind: "failed",
    failure: { kind: "invalid", hint: "add --yes to confirm" },
  });
});
