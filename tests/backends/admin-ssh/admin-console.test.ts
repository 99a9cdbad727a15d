import { describe, expect, test } from "bun:test";
import { AdminConsole, type ConsoleChannel } from "../../../src/backends/admin-ssh/admin-console.ts";
import type { ConsoleServices } from "../../../src/backends/admin-ssh/commands/command.ts";
import { ConsoleHistory } from "../../../src/backends/admin-ssh/console-history.ts";
import { InstanceChangeError } from "../../../src/backends/oci-http/instances/instance-registry.ts";
import { DamagedStoreError } from "../../../src/primitives/store/commits/damaged-store.ts";
import { CorruptObjectError } from "../../../src/primitives/store/git/object.ts";
import { parseAccessPattern } from "../../../src/primitives/users/access-path.ts";
import type { ConsoleLogin } from "../../../src/primitives/users/console-login.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";
import { eventually } from "../../support/eventually.ts";
import { passwordOf, userOf } from "../../support/ssh-server.ts";

const alice = userOf("alice", passwordOf("1"));
const login: ConsoleLogin = { user: alice.name, by: { kind: "password", hashes: ["1"] } };

/** A console whose registries can't be listed, because of `failure`. */
function consoleWith(failure: () => never = () => raise(new Error("not called"))) {
  const logged: [level: string, message: string][] = [];
  const log = (level: string) => (message: string) => void logged.push([level, message]);
  let directory = new UserDirectory([alice]);
  const services = {
    users: {
      get directory() {
        return directory;
      },
    },
    instances: new Proxy({}, { get: failure }),
  } as unknown as ConsoleServices;
  const history = new ConsoleHistory();
  const logger = { info: log("info"), warn: log("warn"), error: log("error") };
  const admin = new AdminConsole(services, logger, history);
  return {
    admin,
    logged,
    history,
    disable() {
      directory = new UserDirectory([{ ...alice, isDisabled: true }]);
    },
  };
}

function raise(error: Error): never {
  throw error;
}

function channelOf(input: AsyncIterable<Uint8Array> = (async function* () {})()) {
  let output = "";
  let errors = "";
  const channel: ConsoleChannel = {
    input,
    screen: undefined,
    remote: "192.0.2.1",
    async write(text) {
      output += text;
    },
    async writeError(text) {
      errors += text;
    },
  };
  return { channel, output: () => output, errors: () => errors };
}

describe("a command that fails", () => {
  test("for a reason that is expected tells it, and logs nothing", async () => {
    const { admin, logged } = consoleWith(() =>
      raise(new InstanceChangeError("it is gone", { kind: "not-found" })),
    );
    const { channel, errors } = channelOf();
    expect(await admin.execute(login, "/oci list", channel)).toBe(5);
    expect([errors(), logged]).toEqual(["error: it is gone\n", []]);
  });

  test.each([
    new DamagedStoreError("team", "its branch is missing"),
    new CorruptObjectError("the object 0a1b", "its checksum is wrong"),
  ])("because of damage tells it, and logs one line: %s", async (error) => {
    const { admin, logged } = consoleWith(() => raise(error));
    const { channel, errors } = channelOf();
    expect(await admin.execute(login, "/oci list", channel)).toBe(1);
    expect(errors()).toBe(`error: ${error.message}\n`);
    expect(logged).toEqual([["warn", `a console command failed: ${error.message}`]]);
  });

  test("by a bug tells nothing of it, and logs its cause", async () => {
    const { admin, logged } = consoleWith(() => raise(new TypeError("x is not a function")));
    const { channel, errors } = channelOf();
    expect(await admin.execute(login, "/oci list", channel)).toBe(1);
    expect(errors()).toBe("error: internal error; the server's log has the cause\n");
    expect(logged).toEqual([["error", "a console command failed"]]);
  });
});

test("a script with a line that is too long fails with a message, and the line is not logged", async () => {
  const { admin, logged } = consoleWith();
  const { channel, errors } = channelOf(
    (async function* () {
      yield Buffer.from("/help oci\n");
      yield Buffer.alloc(5000, "x");
    })(),
  );
  expect(await admin.session(login, channel)).toBe(2);
  expect([errors(), logged]).toEqual(["error: a line is longer than 4096 characters\n", []]);
});

test("who logged in is asked for again before each line", async () => {
  const { admin, disable } = consoleWith();
  const { channel, output, errors } = channelOf(
    (async function* () {
      yield Buffer.from("/help quit\n");
      disable();
      yield Buffer.from("/help exit\n/help oci\n");
    })(),
  );
  expect(await admin.session(login, channel)).toBe(4);
  expect(output()).toContain("/quit");
  expect(output()).not.toContain("/exit");
  expect(errors()).toBe("error: the session has ended: the user 'alice' was disabled\n");
});

test("control characters in output and error messages of a command are escaped", async () => {
  const { admin } = consoleWith(() => raise(new InstanceChangeError("bad \x1b[2J\nname \x9b\u202e")));
  const { channel, errors } = channelOf();
  await admin.execute(login, "/oci list", channel);
  expect(errors()).toBe("error: bad \\u001b[2J\\u000aname \\u009b\\u202e\n");
});

test("a live screen ends when who watches it is no administrator any more", async () => {
  const everything = parseAccessPattern("*/*/*") ?? raise(new Error("the pattern does not parse"));
  let directory = new UserDirectory([{ ...alice, grants: [{ path: everything, role: "owner" }] }]);
  const services = {
    users: {
      get directory() {
        return directory;
      },
    },
    instances: { list: () => [], stores: () => [], outages: () => [], mirrors: { list: () => [] } },
    jobs: { list: () => [] },
    replicas: { list: () => [] },
    server: {
      started: 0,
      failedLogins: { refused: 0, limited: 0 },
      traffic: {
        totals: () => ({ requests: 0, clientErrors: 0, serverErrors: 0, received: 0, sent: 0, underWay: 0 }),
      },
    },
  } as unknown as ConsoleServices;
  const ignore = () => undefined;
  const admin = new AdminConsole(services, { info: ignore, warn: ignore, error: ignore });
  const silence = Promise.withResolvers<void>();
  const silent = (async function* () {
    await silence.promise;
    yield* [];
  })();
  const { channel, output } = channelOf(silent);
  const screen = { columns: () => 80, rows: () => 24, onResize: ignore };
  const watching = admin.execute(login, "/status", { ...channel, screen });
  expect(await eventually(() => output().includes("press any key to quit"))).toBe(true);
  directory = new UserDirectory([alice]);
  expect(await watching).toBe(4);
  expect(output()).toContain("error: 'alice' is no longer a system administrator");
  silence.resolve();
});

describe("the history at a terminal", () => {
  const UP = "\x1b[A";

  /** Types keys in one session, each packet after the last was answered; returns what the screen got. */
  async function typed(admin: AdminConsole, ...keys: readonly string[]): Promise<string> {
    const { channel, output } = channelOf(
      (async function* () {
        for (const packet of keys) yield Buffer.from(packet);
      })(),
    );
    const screen = { columns: () => 80, rows: () => 24, onResize: () => undefined };
    await admin.session(login, { ...channel, screen });
    return output();
  }

  test("never shows a password that was typed in a command, in this session or the next", async () => {
    const { admin } = consoleWith();
    await typed(admin, "/users add bob s3cret\r");
    expect(await typed(admin, UP)).toContain("> /users add bob");
    const screen = await typed(admin, "/users add eve s3cret\r", UP, UP, "\x15");
    expect(screen.slice(screen.indexOf("error"))).not.toContain("s3cret");
    expect(screen.slice(screen.indexOf("error"))).toContain("/users add eve");
  });

  test("has nothing of a line that is typed while the user is disabled", async () => {
    const { admin, history, disable } = consoleWith();
    await typed(admin, "/oci show default 1\r");
    expect(history.of(alice.name)).toEqual(["/oci show default 1"]);
    disable();
    await typed(admin, "/oci show default 2\r");
    expect(history.of(alice.name)).toEqual(["/oci show default 1"]);
  });
});
