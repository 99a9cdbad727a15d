import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, loginAndRun, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const ATTACKER = "127.0.0.2";
const CONNECTIONS = 2000;
const OPEN_FILES = 1024;
/** What the server lets one address have under that limit. */
const CAP = 224;

/** A connection from another address that begins a request and says no more. */
function begin(port: number): Socket {
  const socket = connect({ host: "127.0.0.1", port, localAddress: ATTACKER });
  socket.on("error", () => undefined);
  socket.write("G");
  return socket;
}

/** Runs a client's step again while the server answers 503, as clients do: a burst can use up all files for some milliseconds. */
async function untilServed(step: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await step();
      return;
    } catch (error) {
      if (tries === 50 || !/ answered 503: .*no file descriptors left/.test(String(error))) throw error;
      await Bun.sleep(100);
    }
  }
}

describeWith(["ssh", "sshpass"], "two thousand connections of one address that never send a request", () => {
  test("are closed down to the limit for one address, while other clients push, pull and log in", async () => {
    const server = await startEverlock({ openFiles: OPEN_FILES });
    await addAlice(server);
    const alice = new RegistryClient(server.httpPort, "app");
    await alice.pushImage("before");
    const sockets = Array.from({ length: CONNECTIONS }, () => begin(server.httpPort));
    afterThisTest(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (let i = 0; i < 3; i++) {
      await untilServed(() => alice.verifyImage("before"));
      await untilServed(() => alice.pushImage(`during-${i}`));
      expect((await loginAndRun(server, "/status")).code).toBe(0);
    }
    expect(await eventually(() => sockets.filter(({ destroyed }) => !destroyed).length <= CAP)).toBe(true);
    // A client learns of the close before the server has closed its descriptor.
    const isBounded = () => readdirSync(`/proc/${server.pid}/fd`).length < CAP + 100;
    expect(await eventually(isBounded)).toBe(true);
    expect(server.log()).toMatch(
      /closed \d+ HTTP connections, most of them from 127\.0\.0\.2: the limit is 224 for one address/,
    );
    expect(server.log()).not.toMatch(/ error /);
  }, 60_000);

  test("are closed down to the limit on the listener for health and metrics as well", async () => {
    const ops = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port = 0 } = ops;
    await ops.stop(true);
    const server = await startEverlock({
      openFiles: OPEN_FILES,
      args: ["--frontend-ops-listen", `127.0.0.1:${port}`],
    });
    await addAlice(server);
    const alice = new RegistryClient(server.httpPort, "app");
    const sockets = Array.from({ length: CONNECTIONS }, () => begin(port));
    afterThisTest(() => {
      for (const socket of sockets) socket.destroy();
    });
    await untilServed(() => alice.pushImage("during"));
    const isBounded = () => readdirSync(`/proc/${server.pid}/fd`).length < CAP + 100;
    expect(await eventually(() => / closed \d+ HTTP connections/.test(server.log()) && isBounded())).toBe(
      true,
    );
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
    await alice.verifyImage("during");
  }, 60_000);
});
