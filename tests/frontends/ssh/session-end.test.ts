import { expect, test } from "bun:test";
import type { ConsoleChannel } from "../../../src/backends/admin-ssh/admin-console.ts";
import { exec, keyPair, outcomeOf, passwordOf, shell, startSsh, userOf } from "../../support/ssh-server.ts";

const bob = userOf("bob", passwordOf("1"));
const { privateKey, credential } = keyPair();
const alice = userOf("alice", passwordOf("1"), credential);

/** A console that waits for input. */
const WAITING = {
  async session(_login: unknown, channel: ConsoleChannel) {
    await channel.write("ready\n");
    for await (const _ of channel.input);
    return 0;
  },
  async execute(_login: unknown, _command: string, channel: ConsoleChannel) {
    await channel.write("ready\n");
    for await (const _ of channel.input);
    await channel.write("done\n");
    return 0;
  },
};

const ready = (channel: NodeJS.ReadableStream) =>
  new Promise<void>((resolve) => channel.once("data", () => resolve()));

test.each([
  ["is deleted", { password: "right" }, [bob], "the user 'alice' was deleted"],
  [
    "is disabled",
    { password: "right" },
    [bob, { ...alice, isDisabled: true }],
    "the user 'alice' was disabled",
  ],
  [
    "changes the password",
    { password: "right" },
    [bob, userOf("alice", passwordOf("2"), credential)],
    "the password of 'alice' was changed",
  ],
  [
    "loses the key",
    { privateKey, password: "" },
    [bob, userOf("alice", passwordOf("1"))],
    "the key that 'alice' logged in with was removed",
  ],
])("a session ends with a message when its user %s", async (_, how, users, why) => {
  const { connect, change, logged } = await startSsh(WAITING, {}, [alice, bob]);
  const client = await connect(how);
  const other = await shell(await connect({ username: "bob" }), false);
  const [plain, terminal, command] = await Promise.all([
    shell(client, false),
    shell(client, true),
    exec(client, "/status"),
  ]);
  await Promise.all([plain, terminal, command, other].map(ready));
  const outcomes = Promise.all([plain, terminal, command].map(outcomeOf));
  change(users);
  for (const { text } of await outcomes) expect(text).toContain(`the session has ended: ${why}`);
  expect((await outcomes).map(({ code }) => code)).toEqual([1, 1, 0]);
  expect(logged).toContain(`the console session of 'alice' from 127.0.0.1 has ended: ${why}`);
  const lasting = outcomeOf(other);
  other.end();
  expect(await lasting).toEqual({ text: "", code: 0 });
});

test.each([
  [
    "changes the password, for one who logged in by key",
    { privateKey, password: "" },
    [userOf("alice", passwordOf("2"), credential)],
  ],
  [
    "loses the key, for one who logged in by password",
    { password: "right" },
    [userOf("alice", passwordOf("1"))],
  ],
])("a session goes on when its user %s", async (_, how, users) => {
  const { connect, change } = await startSsh(WAITING, {}, [alice]);
  const channel = await shell(await connect(how), false);
  await ready(channel);
  change(users);
  const outcome = outcomeOf(channel);
  channel.end();
  expect(await outcome).toEqual({ text: "", code: 0 });
});

test("an endless command is aborted when its user is disabled", async () => {
  const never = Promise.withResolvers<number>();
  const { connect, change } = await startSsh(
    {
      session: async () => 0,
      async execute(_login, _command, channel) {
        await channel.write("ready\n");
        return never.promise;
      },
    },
    {},
    [alice],
  );
  const channel = await exec(await connect(), "/jobs run scrub");
  await ready(channel);
  const outcome = outcomeOf(channel);
  change([{ ...alice, isDisabled: true }]);
  expect(await outcome).toEqual({
    text: "the session has ended: the user 'alice' was disabled\n",
    code: 1,
  });
  never.resolve(0);
});

test("a connection without a session ends when its user is deleted", async () => {
  const { connect, change } = await startSsh(WAITING, { loginEndMs: 50 }, [alice, bob]);
  const client = await connect({ privateKey, password: "" });
  const ended = new Promise<void>((resolve) => client.on("close", () => resolve()));
  change([bob]);
  await ended;
}, 15_000);

test("a disabled user can't open another session on an existing connection", async () => {
  const { connect, change } = await startSsh(WAITING, {}, [alice]);
  const client = await connect();
  change([{ ...alice, isDisabled: true }]);
  const { text } = await outcomeOf(await exec(client, "/users list"));
  expect(text).toContain("the session has ended: the user 'alice' was disabled");
});

test("commands still running after a disconnect count as sessions until they end", async () => {
  const never = Promise.withResolvers<number>();
  let running = 0;
  const { connect } = await startSsh(
    {
      session: async () => 0,
      async execute(_login, _command, channel) {
        running++;
        await channel.write("ready\n");
        return never.promise;
      },
    },
    {},
    [alice],
  );
  const client = await connect();
  for (let i = 0; i < 32; i++) {
    const channel = await exec(client, "/oci stat default");
    await ready(channel);
    const closed = outcomeOf(channel);
    channel.close();
    await closed;
  }
  const refused = await outcomeOf(await exec(client, "/oci stat default"));
  expect(refused).toEqual({ text: "32 commands of 'alice' run already; try again later\n", code: 1 });
  expect(running).toBe(32);
  never.resolve(0);
});
