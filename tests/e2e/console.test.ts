import { expect, test } from "bun:test";
import { ADMIN_PASSWORD, addAlice, loginAndRun, sshRun, startEverlock } from "../support/everlock.ts";
import { describeWith } from "../support/tools.ts";

describeWith(["ssh", "sshpass"], "the console over ssh", () => {
  test("runs one command and returns its exit code", async () => {
    const server = await startEverlock();
    const listed = await server.console("/users list");
    expect(listed).toEqual({
      code: 0,
      stdout: "  admin  admin      []\n  anon   everybody  []\n",
      stderr: "",
    });
    const failed = await server.console("/users grant nobody http/oci/default reader");
    expect(failed).toEqual({ code: 5, stdout: "", stderr: "error: no user 'nobody'\n" });
  });

  test("answers each wrong command with one line", async () => {
    const wrong = [
      ["/nothing", 2, "error: unknown command '/nothing'; '/help' lists the commands\n"],
      [
        "/users add",
        2,
        "error: wrong number of arguments; use: /users add <login> [<password>] [--yes] [--if-missing]\n",
      ],
      ["/users add Alice x", 2, "error: 'Alice' is not a login: upper case is not allowed; use 'alice'\n"],
      ["/users add admin x", 3, "error: user 'admin' exists already\n"],
      ["/users add bob ''", 2, "error: the password is empty\n"],
      ["/users passwd anon x", 4, "error: 'anon' stands for everybody and has no password\n"],
      [
        "/users grant admin http/oci/x boss",
        2,
        "error: 'boss' is not a role; use one of reader, writer, owner\n",
      ],
      [
        "/users grant admin http/oci reader",
        2,
        "error: 'http/oci' is not an access path; use frontend/backend/namespace, such as http/oci/default\n",
      ],
      ["/users revoke admin http/oci/x", 5, "error: user 'admin' has no grant on 'http/oci/x'\n"],
      [
        "/users revoke admin */*/*",
        4,
        "error: that would leave no administrator: the last one must stay one\n",
      ],
    ] as const;
    const server = await startEverlock();
    for (const [command, code, stderr] of wrong)
      expect([command, await server.console(command)]).toEqual([command, { code, stdout: "", stderr }]);
  });

  test("lets a user change the own password, from standard input, and no other one", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const alice = (password: string, command: string, input = "") =>
      sshRun(server.sshPort, "alice", password, command, input);
    const changed = await alice("change-me", "/users passwd", "change-me\nanother-one\n");
    expect([changed.code, changed.stdout]).toEqual([0, "  password updated for 'alice'\n"]);
    expect((await alice("another-one", "/users grants")).stdout).toBe(
      "  alice\n    grant: http/oci/default  writer\n",
    );
    for (const [command, input, code, error] of [
      ["/users passwd", "wrong\nchange-me\n", 4, "the old password is wrong"],
      ["/users passwd", "another-one\nshort\n", 2, "the password has 5 characters, and must have 8 or more"],
      ["/users passwd", "", 2, "the old password is missing: send it and then the new one on standard input"],
      ["/users passwd admin change-me", "", 4, "a change of another user's password requires a system"],
      ["/access check admin http/oci/default", "", 4, "a check of another user's access requires a system"],
    ] as const) {
      const result = await alice("another-one", command, input);
      expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(`error: ${error}`)]);
    }
  }, 60_000);

  test("runs a script from standard input to its end, and returns the exit code of the first line that failed", async () => {
    const server = await startEverlock();
    const script = ["# set up", "/users add alice 'two words'", "/users ad bob", "/users grants alice", ""];
    const { code, stdout, stderr } = await sshRun(
      server.sshPort,
      "admin",
      ADMIN_PASSWORD,
      undefined,
      script.join("\n"),
    );
    expect([code, stdout]).toEqual([2, "  user 'alice' created\n  alice\n"]);
    expect(stderr).toContain("unknown command '/users ad'");
    expect((await sshRun(server.sshPort, "alice", "two words", "/users list")).code).toBe(0);
  });

  test("at a terminal edits lines, completes them and asks for a password without echo", async () => {
    const server = await startEverlock();
    const keys = [
      "/us\tgra\tx\x15", // completed, then the whole line thrown away
      "/us\tadd alice\r",
      "s3cret-one\rs3cret-one\r",
      "/users gr\x1b[D\x1b[Cant alice htt\tw\t\r",
      "/users grants alice\r",
      "\x04",
    ];
    const { code, stdout } = await sshRun(server.sshPort, "admin", ADMIN_PASSWORD, undefined, keys.join(""), {
      terminal: true,
    });
    expect(code).toBe(0);
    expect(stdout).toStartWith("Everlock Admin\r\n");
    expect(stdout).toContain("  user 'alice' created\r\n");
    expect(stdout).toContain("  granted writer on http/oci/default to 'alice'\r\n");
    expect(stdout).toContain("  grant: http/oci/default  writer\r\n");
    expect(stdout).not.toContain("s3cret");
    expect((await sshRun(server.sshPort, "alice", "s3cret-one", "/oci list")).code).toBe(0);
  });

  test("refuses a wrong password and a user who is no administrator", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const denied = await sshRun(server.sshPort, "alice", "wrong", "/users list");
    // What sshpass says for a password that is asked for a second time.
    expect(denied.code).toBe(5);
    expect(server.log()).toContain(
      'login of "alice" to the console from 127.0.0.1 refused: wrong user name or password',
    );
    const refused = await sshRun(server.sshPort, "alice", "change-me", "/users add bob x");
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(
      "requires a system administrator (owner on */*/*), which 'alice' is not",
    );
  });

  test("keeps serving after garbage, unfinished handshakes and clients that disconnect", async () => {
    const server = await startEverlock();
    const openings = [
      "GET / HTTP/1.1\r\n\r\n",
      "SSH-2.0-x\r\n",
      `SSH-2.0-x\r\n${"\xff".repeat(100_000)}`,
      "SSH-2.0-x\r\n\0\0\0\x0c\x0a\x14garbage!!",
      "\0".repeat(1000),
      "",
    ];
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => abandon(server.sshPort, openings[i % openings.length] ?? "")),
    );
    const client = Bun.spawn(
      [
        ...["ssh", "-tt", "-p", String(server.sshPort), "-o", "StrictHostKeyChecking=no"],
        ...["-o", "UserKnownHostsFile=/dev/null", "admin@127.0.0.1"],
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    // It has exchanged keys once it says that it knows the server's.
    let said = "";
    const decoder = new TextDecoder();
    for await (const chunk of client.stderr) {
      said += decoder.decode(chunk, { stream: true });
      if (said.includes("Permanently added")) break;
    }
    client.kill("SIGKILL");
    await client.exited;
    expect((await loginAndRun(server, "/users list")).code).toBe(0);
    expect(await server.end("SIGTERM")).toBe(0);
  });
});

/** Sends an opening and drops the connection once the server has said something. */
async function abandon(port: number, opening: string): Promise<void> {
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const handlers = { data: () => resolve(), close: () => resolve(), error() {} };
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: handlers });
  socket.write(Buffer.from(opening, "latin1"));
  await answered;
  socket.terminate();
}
