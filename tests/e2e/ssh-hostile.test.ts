import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, type Everlock, loginAndRun, startEverlock } from "../support/everlock.ts";
import { peakMiB } from "../support/memory.ts";
import { connect as connectSsh, shell } from "../support/ssh-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, must } from "../support/tools.ts";

/** Opens a connection and leaves it as it is. */
function halfOpen({ sshPort }: Everlock, opening: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: sshPort, allowHalfOpen: true });
  afterThisTest(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.resume();
  return new Promise((resolve) => {
    socket.on("connect", () => {
      socket.write(opening);
      resolve(socket);
    });
  });
}

/** A session of the real client at a terminal, to type into. */
function openTerminal({ sshPort }: Everlock, user: string, command: string[] = []) {
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const child = Bun.spawn(
    [
      ...["sshpass", "-e", "ssh", "-tt", "-p", String(sshPort)],
      ...options.flatMap((option) => ["-o", option]),
      ...["-o", "PubkeyAuthentication=no", `${user}@127.0.0.1`, ...command],
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore", env: { ...process.env, SSHPASS: "change-me" } },
  );
  afterThisTest(() => child.kill("SIGKILL"));
  let text = "";
  const output = (async () => {
    for await (const chunk of child.stdout) text += Buffer.from(chunk).toString();
  })();
  return {
    shows: (wanted: string) => eventually(() => text.includes(wanted)),
    type: (keys: string) => void child.stdin.write(keys),
    async ended() {
      const code = await child.exited;
      await output;
      return { code, text };
    },
  };
}

describeWith(["ssh", "sshpass", "git"], "the console", () => {
  test("lets an administrator log in while hundreds of connections are half-open", async () => {
    const server = await startEverlock();
    const openings = ["", "SSH-2.0-x\r\n", "SSH-2.0-x\r\n\0\0\x01\x0c", "GET / HTTP/1.1\r\n"];
    await Promise.all(Array.from({ length: 300 }, (_, i) => halfOpen(server, openings[i % 4] ?? "")));
    expect((await loginAndRun(server, "/users list")).code).toBe(0);
    await Promise.all(Array.from({ length: 100 }, () => halfOpen(server, "SSH-2.0-x\r\n")));
    expect((await loginAndRun(server, "/users list")).code).toBe(0);
    expect(server.log()).toContain("SSH connections from 127.0.0.1 have not logged in");
    expect(server.log().split("\n").length).toBeLessThan(20 * server.nodes.length);
  }, 60_000);

  test("keeps serving after a client opens a session, requests nothing in it and disconnects", async () => {
    const server = await startEverlock();
    for (let i = 0; i < 3; i++) {
      const client = await connectSsh(server.sshPort, { username: "admin", password: ADMIN_PASSWORD });
      const { _protocol: protocol } = client as unknown as {
        _protocol: { session(channel: number, window: number, packet: number): void };
      };
      protocol.session(0, 1024, 1024);
      const answered = new Promise<void>((resolve) => client.exec("/help", () => resolve()));
      await answered;
      client.destroy();
    }
    expect((await loginAndRun(server, "/users list")).code).toBe(0);
    expect(server.log()).toBe("");
  }, 60_000);

  test("buffers little for a client that sends input and reads nothing, and serves other clients", async () => {
    const server = await startEverlock();
    const before = peakMiB(server);
    const client = await connectSsh(server.sshPort, { username: "admin", password: ADMIN_PASSWORD });
    const channel = await shell(client, true);
    channel.pause();
    (client as unknown as { _sock: Socket })._sock.pause();
    // A key and its removal, again and again: each is drawn.
    channel.write(Buffer.from("x\x7f".repeat(1024 * 1024)));
    // What it sends is worked off, or waits, once others have had their answers.
    for (let i = 0; i < 3; i++) {
      expect((await loginAndRun(server, "/users list")).code).toBe(0);
      expect((await fetch(`http://localhost:${server.httpPort}/v2/`)).status).toBe(401);
    }
    expect(peakMiB(server) - before).toBeLessThan(200);
    client.destroy();
  }, 60_000);

  test("offers no finite-field Diffie-Hellman key exchange", async () => {
    const { sshPort } = await startEverlock();
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"];
    for (const kex of ["diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha256"]) {
      const client = Bun.spawn(
        [
          ...["ssh", "-p", String(sshPort), "-o", `KexAlgorithms=${kex}`],
          ...options.flatMap((option) => ["-o", option]),
          "admin@127.0.0.1",
        ],
        { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
      );
      expect(await new Response(client.stderr).text()).toContain("no matching key exchange method");
    }
  }, 60_000);

  test.each([
    ["disabled", "/users disable alice", "the user 'alice' was disabled"],
    ["deleted", "/users delete alice", "the user 'alice' was deleted"],
    ["given another password", "/users passwd alice another-one", "the password of 'alice' was changed"],
  ])(
    "ends the sessions of a user who is %s",
    async (_, command, why) => {
      const server = await startEverlock();
      await addAlice(server);
      await server.console("/users grant alice */*/* owner");
      const idle = openTerminal(server, "alice");
      const watching = openTerminal(server, "alice", ["/status"]);
      expect(await idle.shows("Everlock Admin")).toBe(true);
      expect(await watching.shows("press any key to quit")).toBe(true);
      expect((await server.console(command)).code).toBe(0);
      idle.type("/users token add admin name=stolen\r");
      for (const { code, text } of await Promise.all([idle.ended(), watching.ended()])) {
        expect(code).not.toBe(null);
        expect(text).toContain(`the session has ended: ${why}`);
        expect(text).not.toContain("shown only now");
      }
      expect((await server.console("/users token list admin")).stdout).toBe("  'admin' has no API tokens\n");
      expect(server.log()).toContain(`the console session of 'alice' from 127.0.0.1 has ended: ${why}`);
    },
    60_000,
  );

  test("escapes control characters in names and messages that users wrote", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const clone = `${temporaryDirectory()}/clone`;
    const evil = "\x1b[2J\x9b31m\u202eevil";
    const shown = "\\u001b[2J\\u009b31m\\u202eevil";
    const git = (...args: string[]) =>
      must(["git", "-C", clone, "-c", `user.name=a${evil}`, "-c", "user.email=a@example.org", ...args]);
    await must(["git", "clone", "-q", `${server.dataDir}/everlock-users`, clone]);
    writeFileSync(
      `${clone}/users/alice.toml`,
      `${await Bun.file(`${clone}/users/alice.toml`).text()}`.replace(
        /display_name = .*/,
        'display_name = "\\u001b[2J\\u009b31m\\u202eevil"',
      ),
    );
    await git("commit", "-qam", "edit");
    await git("push", "-q", "origin", "HEAD:main");
    expect((await server.console("/config reload")).code).toBe(0);
    expect((await server.console("/users list")).stdout).toContain(`alice  ${shown}  []`);
    const [line = ""] = (await server.console("/users list --json")).stdout
      .split("\n")
      .filter((text) => text.includes("alice"));
    expect(line).toContain(shown);
    expect(JSON.parse(line)).toMatchObject({ login: "alice", displayName: evil });

    const refused = await server.console(`/users token add alice name='${evil}'`);
    expect(refused.stderr).toBe(
      `error: the token's name holds characters that can't be seen or that steer a terminal: '${shown}'; leave them out\n`,
    );
    expect((await server.console(`/nothing${evil}`)).stderr).toContain(`unknown command '/nothing${shown}'`);
    expect(server.log()).not.toMatch(/[\x1b\x9b\u202e]/);
    expect(server.log()).toContain(`name=${shown}`);
  }, 60_000);
});
