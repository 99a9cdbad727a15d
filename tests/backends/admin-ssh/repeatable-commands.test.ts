import { describe, expect, test } from "bun:test";
import { consoleCommands, nameOf } from "../../support/console-commands.ts";
import { openTestConsole } from "../../support/test-console.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice@laptop";
const FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

interface Repeated {
  readonly line: string;
  /** Lines that are run first. */
  readonly before?: readonly string[];
  /** The exit code of the second run of `line`; 0 where it can be repeated as it is. */
  readonly again: number;
  /** The flag with which the second run succeeds. */
  readonly flag?: string;
  /** Whether even the second run makes a commit. */
  readonly commitsAgain?: true;
}

const USER = ["/users add alice s3cret-1"];
const GROUP = [...USER, "/groups add developers"];
const TEAM = ["/oci create team vhost=team.test vhost=also.test"];

/** Every command that changes something, and what its repetition does. */
const REPEATED: readonly Repeated[] = [
  { line: "/users add alice s3cret-1", again: 3, flag: "--if-missing" },
  { line: "/users passwd alice s3cret-2", before: USER, again: 0, commitsAgain: true },
  { line: "/users grant alice http/oci/default writer", before: USER, again: 0 },
  {
    line: "/users revoke alice http/oci/default",
    before: [...USER, "/users grant alice http/oci/default writer"],
    again: 5,
    flag: "--if-exists",
  },
  { line: "/users disable alice", before: USER, again: 0 },
  { line: "/users enable alice", before: [...USER, "/users disable alice"], again: 0 },
  { line: "/users delete alice", before: USER, again: 5, flag: "--if-exists" },
  { line: "/users rename-display alice Alice", before: USER, again: 0 },
  { line: `/users key add alice ${KEY}`, before: USER, again: 3, flag: "--if-missing" },
  {
    line: `/users key remove alice ${FINGERPRINT}`,
    before: [...USER, `/users key add alice ${KEY}`],
    again: 5,
    flag: "--if-exists",
  },
  { line: "/users token add alice name=ci expires=90d", before: USER, again: 0, commitsAgain: true },
  { line: "/groups add developers", again: 3, flag: "--if-missing" },
  { line: "/groups delete developers", before: GROUP, again: 5, flag: "--if-exists" },
  { line: "/groups assign developers alice", before: GROUP, again: 0 },
  {
    line: "/groups unassign developers alice",
    before: [...GROUP, "/groups assign developers alice"],
    again: 5,
    flag: "--if-exists",
  },
  { line: "/groups grant developers http/oci/default writer", before: GROUP, again: 0 },
  {
    line: "/groups revoke developers http/oci/default",
    before: [...GROUP, "/groups grant developers http/oci/default writer"],
    again: 5,
    flag: "--if-exists",
  },
  { line: "/oci create team vhost=team.test", again: 3, flag: "--if-missing" },
  { line: "/oci set team vhost=new.test references=sparse retention=30d", before: TEAM, again: 0 },
  { line: "/oci unset team vhost=also.test", before: TEAM, again: 5, flag: "--if-exists" },
  { line: "/oci delete team --yes", before: TEAM, again: 5, flag: "--if-exists" },
  { line: "/jobs run gc", again: 0 },
  { line: "/config reload", again: 0 },
  { line: "/backends disable oci-http", again: 0 },
  { line: "/backends enable oci-http", before: ["/backends disable oci-http"], again: 0 },
];

/** Changing commands whose repetition is tested elsewhere, with what they need. */
const ELSEWHERE = [
  "/oci restore", // oci-restore.test.ts
  "/oci undo", // undo.test.ts
  "/jobs cancel", // below
  "/oci rm", // below
  "/apply", // apply.test.ts
  "/oci tag", // retag.test.ts
  "/oci copy", // copy.test.ts
  "/oci rename", // below
  "/oci credential", // replica.test.ts in e2e: the password is asked for
  "/oci promote", // replicas.test.ts
  "/oci resync", // replicas.test.ts
];

test("every command that changes something is repeated", async () => {
  const changing = (await consoleCommands()).filter(({ isChange }) => isChange).map(nameOf);
  const repeated = REPEATED.map(({ line }) => line.split(" ").slice(0, 2).join(" "));
  expect(changing.filter((name) => ![...repeated, ...ELSEWHERE].includes(name))).toEqual([]);
});

describe("the second run", () => {
  test.each(REPEATED)(
    "of '$line' has the exit code $again",
    async ({ line, before = [], again, flag, commitsAgain = false }) => {
      const console = await openTestConsole();
      for (const first of [...before, line])
        expect([first, await console.run(first)]).toMatchObject([first, { code: 0, stderr: "" }]);
      const heads = console.heads();
      expect((await console.run(line)).code).toBe(again);
      if (flag !== undefined) {
        const { code, stdout, stderr } = await console.run(`${line} ${flag}`);
        expect([code, stderr]).toEqual([0, ""]);
        expect(stdout).toEndWith("; nothing was changed\n");
      }
      if (commitsAgain) expect(console.heads()).not.toEqual(heads);
      else expect(console.heads()).toEqual(heads);
    },
  );
});

test("the first run with a flag for repetitions does the work", async () => {
  const console = await openTestConsole();
  expect(await console.run("/users add alice s3cret-1 --if-missing")).toMatchObject({
    code: 0,
    stdout: "  user 'alice' created\n",
  });
  expect((await console.run("/users delete --if-exists alice")).stdout).toBe("  user 'alice' deleted\n");
});

test("a user who exists keeps the password when it is added with --if-missing", async () => {
  const console = await openTestConsole();
  await console.run("/users add alice s3cret-1");
  const hash = () =>
    console.services.users.directory.list().find(({ name }) => name === "alice")?.credentials;
  const before = hash();
  expect((await console.run("/users add alice another-1 --if-missing")).code).toBe(0);
  expect(hash()).toEqual(before);
});

test("--if-missing hides no other refusal", async () => {
  const console = await openTestConsole();
  expect((await console.run("/users add Alice s3cret-1 --if-missing")).code).toBe(2);
  expect((await console.run("/users add default s3cret-1 --if-missing")).code).toBe(2);
  await console.run("/users add alice s3cret-1");
  const refused = await console.run("/users add alice s3cret-1 --if-missing", { as: "alice" });
  expect(refused.code).toBe(4);
});

test("with --if-missing, a user gets one valid API token of a name", async () => {
  const console = await openTestConsole();
  await console.run("/users add alice s3cret-1");
  const add = (words: string) => console.run(`/users token add alice ${words} --if-missing`);
  expect((await add("expires=90d")).stderr).toContain("requires the name of the token");
  expect((await add("name=ci expires=90d")).stdout).toContain("shown only now");
  expect((await add("name=ci expires=90d")).stdout).toBe(
    "  user 'alice' has an API token 'ci' already; nothing was changed\n",
  );
  expect((await add("name=cd expires=90d")).stdout).toContain("shown only now");
});

test("with --if-running, the job that does not run is no failure", async () => {
  const console = await openTestConsole();
  expect((await console.run("/jobs cancel gc")).code).toBe(3);
  expect(await console.run("/jobs cancel gc --if-running")).toMatchObject({
    code: 0,
    stdout: "  the job 'gc' is not running; nothing was changed\n",
  });
});

test("with --if-exists, content that is not there is no failure", async () => {
  const console = await openTestConsole();
  expect((await console.run("/oci rm default nothing --yes")).code).toBe(5);
  expect(await console.run("/oci rm default nothing --yes --if-exists")).toMatchObject({
    code: 0,
    stderr: "",
  });
});

test("with --if-exists, the rename of a repository that is not there is no failure", async () => {
  const console = await openTestConsole();
  expect((await console.run("/oci rename default nothing new")).code).toBe(5);
  expect((await console.run("/oci rename default nothing new --if-exists")).code).toBe(0);
});

test("another role on the same path is a change", async () => {
  const console = await openTestConsole();
  await console.run("/users add alice s3cret-1");
  await console.run("/users grant alice http/oci/default writer");
  const heads = console.heads();
  const weaker = await console.run("/users grant alice http/oci/default reader --json");
  expect(JSON.parse(weaker.stdout)).toMatchObject({ changed: true, login: "alice", role: "reader" });
  expect(console.heads()).not.toEqual(heads);
});
