import { describe, expect, test } from "bun:test";
import { connect as connectSocket, type Socket } from "node:net";
import type { ServerChannel } from "ssh2";
import type { ConsoleChannel } from "../../../src/backends/admin-ssh/admin-console.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { exec, keyPair, outcomeOf, shell, startSsh, userOf } from "../../support/ssh-server.ts";

/** A console that says what it was asked to run, and nothing more. */
const ECHO = {
  session: async () => 0,
  async execute(_login: unknown, command: string, channel: ConsoleChannel) {
    await channel.write(`${command}\n`);
    return 0;
  },
};

/** Opens a connection and sends what begins one, or nothing. */
function halfOpen(port: number, opening = ""): Promise<Socket> {
  const socket = connectSocket(port, "127.0.0.1");
  afterThisTest(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.resume();
  return new Promise((resolve) =>
    socket.on("connect", () => {
      if (opening !== "") socket.write(opening);
      resolve(socket);
    }),
  );
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

describe("the algorithms", () => {
  test.each([
    { kex: ["curve25519-sha256"] },
    { kex: ["ecdh-sha2-nistp521"], cipher: ["aes128-ctr"], hmac: ["hmac-sha2-256"] },
    { kex: ["ecdh-sha2-nistp256"], cipher: ["aes256-ctr"], hmac: ["hmac-sha2-512-etm@openssh.com"] },
    { cipher: ["aes256-gcm@openssh.com"] },
  ] as const)("%j are offered", async (algorithms) => {
    const { connect } = await startSsh(ECHO);
    const client = await connect({ algorithms: { ...algorithms } as never });
    expect(await outcomeOf(await exec(client, "/hello"))).toEqual({ text: "/hello\n", code: 0 });
  });

  test.each([
    { kex: ["diffie-hellman-group18-sha512"] },
    { kex: ["diffie-hellman-group14-sha256"] },
    { kex: ["diffie-hellman-group-exchange-sha256"] },
    { cipher: ["aes256-cbc"] },
    { cipher: ["aes128-ctr"], hmac: ["hmac-sha1"] },
    { compress: ["zlib"] },
    { compress: ["zlib@openssh.com"] },
  ] as const)("%j are not", async (algorithms) => {
    const { connect } = await startSsh(ECHO);
    const attempt = connect({ algorithms: { ...algorithms } as never });
    expect(attempt).rejects.toThrow("no matching");
    await attempt.catch(() => undefined);
  });
});

describe("a connection that has not logged in", () => {
  test.each([
    ["silent", ""],
    ["that has said what it speaks", "SSH-2.0-x\r\n"],
    ["in the middle of a handshake", "SSH-2.0-x\r\n\0\0\x01\x0c"],
    ["without an end to its greeting", "x".repeat(8000)],
  ])("%s is closed in time", async (_, opening) => {
    const { port } = await startSsh(ECHO, { loginGraceMs: 50 });
    await closed(await halfOpen(port, opening));
  });

  test("locks no client out: two hundred of them still allow a login", async () => {
    const { port, connect, logged } = await startSsh(ECHO);
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, i) => halfOpen(port, i % 2 ? "SSH-2.0-x\r\n" : "")),
    );
    const client = await connect();
    expect((await outcomeOf(await exec(client, "/hello"))).code).toBe(0);
    expect(await eventually(() => sockets.filter(({ destroyed }) => !destroyed).length <= 32)).toBe(true);
    expect(logged[0]).toContain("SSH connections from 127.0.0.1 have not logged in");
    expect(logged.length).toBeLessThanOrEqual(10);
  });

  test("gets no response to a seventh password", async () => {
    const { connect, attempts } = await startSsh(ECHO);
    const guess = { type: "password", username: "alice", password: "wrong" } as const;
    let guesses = 0;
    const attempt = connect({ authHandler: (() => (++guesses < 50 ? guess : false)) as never });
    expect(await attempt.catch(() => "refused")).toBe("refused");
    expect(attempts()).toBe(6);
  });

  test("may query at most fifty keys", async () => {
    const { connect } = await startSsh(ECHO);
    const { privateKey: key } = keyPair();
    let offers = 0;
    const offer = { type: "publickey", username: "alice", key } as const;
    const attempt = connect({ authHandler: (() => (++offers < 200 ? offer : false)) as never });
    expect(await attempt.catch(() => "refused")).toBe("refused");
    // ssh2 signs at once instead of asking, where the server says that it may.
    expect(offers).toBeLessThanOrEqual(52);
  });

  test("opens no channel", async () => {
    const { connect } = await startSsh(ECHO);
    const attempt = connect({ password: "wrong" });
    expect(await attempt.catch((error: Error) => error.message)).toContain("authentication methods failed");
  });
});

describe("a connection that has logged in", () => {
  /** A console that runs until the client goes. */
  const WAITING = {
    async session(_login: unknown, channel: ConsoleChannel) {
      for await (const _ of channel.input);
      return 0;
    },
    execute: async () => 0,
  };

  test("has at most ten sessions", async () => {
    const { connect, logged } = await startSsh(WAITING);
    const client = await connect();
    const opened = await Promise.allSettled(Array.from({ length: 20 }, () => shell(client, false)));
    expect(opened.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(logged[0]).toContain("of 'alice' from 127.0.0.1 is refused: the connection has 10 open");
  });

  test("shares a limit of sixteen sessions with its user's other connections, and closed sessions no longer count", async () => {
    const { connect } = await startSsh(WAITING);
    const clients = await Promise.all([connect(), connect(), connect()]);
    const opened = await Promise.allSettled(
      clients.flatMap((client) => Array.from({ length: 10 }, () => shell(client, false))),
    );
    expect(opened.filter(({ status }) => status === "fulfilled")).toHaveLength(16);
    await shell(await connect({ username: "bob" }), false);
    for (const client of clients) client.end();
    const again = await connect();
    expect(
      await eventually(() =>
        shell(again, false).then(
          () => true,
          () => false,
        ),
      ),
    ).toBe(true);
  });

  test("counts against a limit of sixteen connections for its user", async () => {
    const { connect, logged } = await startSsh(ECHO);
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => connect()));
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(16);
    const refusal = "the SSH login of 'alice' from 127.0.0.1 is refused: 'alice' has 16 open connections";
    expect(await eventually(() => logged.some((line) => line.startsWith(refusal)))).toBe(true);
    await connect({ username: "bob" });
  });

  test("is closed when its client no longer responds", async () => {
    let hasEnded = false;
    const { connect } = await startSsh(
      {
        execute: async () => 0,
        async session(_login, channel) {
          for await (const _ of channel.input);
          hasEnded = true;
          return 0;
        },
      },
      { keepaliveMs: 20 },
    );
    const client = await connect();
    await shell(client, false);
    const { _sock: socket } = client as unknown as { _sock: Socket };
    await Bun.sleep(200);
    expect(hasEnded).toBe(false);
    socket.pause();
    expect(await eventually(() => hasEnded)).toBe(true);
  });

  test("is refused forwarding, subsystems, agent and X11", async () => {
    const { connect } = await startSsh(WAITING);
    const client = await connect();
    const refused = (call: (callback: (error: Error | undefined) => void) => void) =>
      new Promise<boolean>((resolve) => call((error) => resolve(error !== undefined && error !== null)));
    expect(await refused((back) => client.forwardOut("localhost", 1, "localhost", 22, back))).toBe(true);
    expect(await refused((back) => client.forwardIn("localhost", 0, back))).toBe(true);
    expect(await refused((back) => client.subsys("netconf", back))).toBe(true);
    expect(await refused((back) => client.sftp(back))).toBe(true);
    expect(await refused((back) => client.shell({ x11: { number: 1 } } as never, back))).toBe(true);
  });

  test("can log in only with a signature by the offered key", async () => {
    const { privateKey, credential } = keyPair();
    const { connect } = await startSsh(ECHO, {}, [userOf("alice", credential)]);
    expect((await outcomeOf(await exec(await connect({ privateKey }), "/hello"))).code).toBe(0);
    const other = connect({ privateKey: keyPair().privateKey, password: "wrong" });
    expect(await other.catch(() => "refused")).toBe("refused");
  });
});

describe("a client that does not read", () => {
  test("gets no more output than the buffers hold", async () => {
    let written = 0;
    const { connect } = await startSsh({
      session: async () => 0,
      async execute(_login, _command, channel) {
        for (let i = 0; i < 1000; i++) {
          await channel.write("x".repeat(64 * 1024));
          written += 64 * 1024;
        }
        return 0;
      },
    });
    const channel = await exec(await connect(), "/flood");
    channel.pause();
    const taken = await standstill(() => written);
    expect(taken).toBeLessThan(6 * 1024 * 1024);
    const outcome = outcomeOf(channel);
    channel.resume();
    expect((await outcome).text).toHaveLength(1000 * 64 * 1024);
  });

  test("and keeps sending is no longer read", async () => {
    let isReading = Promise.withResolvers<void>();
    let read = 0;
    const { connect } = await startSsh({
      execute: async () => 0,
      async session(_login, channel) {
        await isReading.promise;
        for await (const piece of channel.input) read += piece.length;
        return 0;
      },
    });
    const channel = await shell(await connect(), false);
    const total = 8 * 1024 * 1024;
    let sent = 0;
    const sending = (async () => {
      for (; sent < total; sent += 64 * 1024)
        await new Promise<void>((resolve) => channel.write(Buffer.alloc(64 * 1024), () => resolve()));
      channel.end();
    })();
    expect(await standstill(() => sent)).toBeLessThan(4 * 1024 * 1024);
    expect(read).toBe(0);
    isReading.resolve();
    await sending;
    expect(await eventually(() => read === total)).toBe(true);
    isReading = Promise.withResolvers();
  });
});

test("a client that sends more than its window is no longer read", async () => {
  const never = Promise.withResolvers<number>();
  const { connect } = await startSsh({ session: () => never.promise, execute: async () => 0 });
  const client = await connect();
  const channel = await shell(client, false);
  (channel as unknown as ServerChannel & { outgoing: { window: number } }).outgoing.window = 2 ** 31;
  const total = 64 * 1024 * 1024;
  // In pieces that never meet the window exactly, where ssh2 drops what comes.
  for (let sent = 0; sent < total; sent += 60_000) channel.write(Buffer.alloc(60_000));
  const { _sock: socket } = client as unknown as { _sock: Socket };
  expect(await standstill(() => socket.writableLength)).toBeGreaterThan(total / 2);
  never.resolve(0);
});

/** The value once it stands still. */
async function standstill(value: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  await eventually(async () => {
    await Bun.sleep(50);
    same = value() === last && last > 0 ? same + 1 : 0;
    last = value();
    return same >= 6;
  });
  return last;
}
