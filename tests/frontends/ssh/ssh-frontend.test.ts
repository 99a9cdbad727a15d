import { expect, test } from "bun:test";
import { SshFrontend } from "../../../src/frontends/ssh/ssh-frontend.ts";
import type { Authenticator } from "../../../src/primitives/users/authenticator.ts";
import { UserDirectory } from "../../../src/primitives/users/user-directory.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { MemoryEngine } from "../../support/memory-engine/memory-engine.ts";
import { connect, exec, outcomeOf, passwordOf, userOf } from "../../support/ssh-server.ts";

async function startFrontend(
  port = 0,
  { worker = "../../../src/server/ssh-worker.ts", answerTimeoutMs = 10_000 } = {},
) {
  const logged: string[] = [];
  const threads: Worker[] = [];
  const alice = userOf("alice", passwordOf("1"));
  const frontend = await SshFrontend.start({
    listen: { hostname: "127.0.0.1", port },
    secrets: new MemoryEngine(new Map()),
    spawn: () => {
      const thread = new Worker(new URL(worker, import.meta.url));
      threads.push(thread);
      return thread;
    },
    answerTimeoutMs,
    authenticator: {
      login: async () => ({ kind: "accepted", user: alice, token: undefined }),
    } as unknown as Authenticator,
    users: () => new UserDirectory([alice]),
    console: {
      session: async () => 0,
      async execute(_login, command, channel) {
        await channel.write(command);
        return 7;
      },
    },
    log: {
      info: (message) => void logged.push(message),
      warn: (message) => void logged.push(message),
      error: (message, cause) => void logged.push(`${message}: ${cause}`),
    },
  });
  afterThisTest(() => frontend.stop());
  return { frontend, threads, logged };
}

test("the console is served on a separate thread, with output and exit code", async () => {
  const { frontend } = await startFrontend();
  const client = await connect(frontend.address.port);
  expect(await outcomeOf(await exec(client, "/hello"))).toEqual({ text: "/hello", code: 7 });
});

test("a thread that ends is logged and replaced on the same port", async () => {
  const { frontend, threads, logged } = await startFrontend();
  const { port } = frontend.address;
  const client = await connect(port);
  const gone = new Promise<void>((resolve) => client.on("close", () => resolve()));
  client.on("error", () => undefined);
  threads[0]?.terminate();
  await gone;
  expect(await eventually(async () => (await connect(port).catch(() => undefined)) !== undefined)).toBe(true);
  expect(logged).toEqual(["the SSH thread has ended and is replaced: it ended without an error"]);
  expect(threads).toHaveLength(2);
});

test("a thread that is being replaced when the frontend stops never listens", async () => {
  const { frontend, threads } = await startFrontend();
  const { port } = frontend.address;
  threads[0]?.terminate();
  expect(await eventually(() => threads.length === 2)).toBe(true);
  const [, replacement] = threads;
  const ended = new Promise<void>((resolve) => replacement?.addEventListener("close", () => resolve()));
  await frontend.stop();
  await ended;
  await expect(connect(port)).rejects.toThrow();
}, 20_000);

test("a thread that hangs is terminated, logged and replaced", async () => {
  const worker = "../../support/stoppable-ssh-worker.ts";
  const { frontend, threads, logged } = await startFrontend(0, { worker, answerTimeoutMs: 1500 });
  const client = await connect(frontend.address.port);
  const gone = new Promise<void>((resolve) => client.on("close", () => resolve()));
  client.on("error", () => undefined);
  threads[0]?.postMessage("stick");
  await gone;
  const { port } = frontend.address;
  expect(await eventually(async () => (await connect(port).catch(() => undefined)) !== undefined)).toBe(true);
  expect(logged).toEqual(["the SSH thread has ended and is replaced: it has not answered for 1.5 seconds"]);
}, 20_000);

test("a port in use is one clear error", async () => {
  const { frontend } = await startFrontend();
  await expect(startFrontend(frontend.address.port)).rejects.toThrow(
    `can't listen on 127.0.0.1:${frontend.address.port} for SSH: the port is in use by another program`,
  );
});
