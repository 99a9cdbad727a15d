import { afterAll, describe, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { OpenSockets } from "../../../src/primitives/net/open-sockets.ts";

/** Connections to a listener of this process, each with the end that it accepted. */
async function accept(
  hosts: readonly { readonly host: string; readonly localAddress?: string }[],
  listen: string,
) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, listen, resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const clients: Socket[] = [];
  for (const to of hosts) {
    const client = connect({ ...to, port });
    clients.push(client);
    await new Promise((resolve) => client.once("connect", resolve));
  }
  while (accepted.length < hosts.length) await new Promise((resolve) => setImmediate(resolve));
  cleanups.push(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy();
    server.close();
  });
  return { clients, port };
}

const cleanups: (() => void)[] = [];
afterAll(() => {
  for (const clean of cleanups) clean();
});

describe.if(process.platform === "linux")("on Linux", () => {
  const sockets = OpenSockets.open();
  if (!sockets) throw new Error("the C library was not found");

  test("the connections to a port are listed with the address of the client", async () => {
    const { port, clients } = await accept(
      [{ host: "127.0.0.1" }, { host: "127.0.0.1", localAddress: "127.0.0.2" }],
      "127.0.0.1",
    );
    const listed = sockets.list(new Set([port]));
    expect(listed.map(({ address }) => address).toSorted()).toEqual(["127.0.0.1", "127.0.0.2"]);
    expect(listed.map((socket) => socket.port).toSorted()).toEqual(
      clients.map(({ localPort }) => localPort ?? 0).toSorted(),
    );
    for (const socket of listed) expect(sockets.idleMs(socket)).toBeLessThan(60_000);
  });

  test("IPv4 and IPv6 clients are distinguished on a socket that accepts both", async () => {
    const { port } = await accept([{ host: "127.0.0.1" }, { host: "::1" }], "::");
    const addresses = sockets.list(new Set([port])).map(({ address }) => address);
    expect(addresses.toSorted()).toEqual(["0:0:0:0:0:0:0:1", "127.0.0.1"]);
  });

  test("closing a connection by its descriptor closes it at the client, and does nothing if the connection is already gone", async () => {
    const { port, clients } = await accept([{ host: "127.0.0.1" }, { host: "127.0.0.1" }], "127.0.0.1");
    const [first, second] = sockets.list(new Set([port]));
    if (!first || !second) throw new Error("there must be two");
    sockets.end({ ...first, port: second.port });
    const ended = clients.find(({ localPort }) => localPort === second.port);
    const closed = new Promise((resolve) => ended?.once("close", resolve).resume());
    sockets.end(second);
    await closed;
    expect(clients.map(({ destroyed }) => destroyed).filter(Boolean)).toHaveLength(1);
  });

  test("the accept queue of a listening socket can be limited, and the socket is not listed as a connection", async () => {
    const { port } = await accept([{ host: "127.0.0.1" }], "127.0.0.1");
    sockets.limitWaiting(new Set([port]), 3);
    const rows = await Bun.$`ss -Hltn`.nothrow().text();
    if (rows !== "") expect(rows).toMatch(new RegExp(`LISTEN +\\d+ +3 .*127\\.0\\.0\\.1:${port}`));
    expect(sockets.list(new Set([port]))).toHaveLength(1);
  });

  test("the limit on open files and the number of open files are known", () => {
    expect(sockets.limit).toBeGreaterThan(100);
    expect(sockets.areAtLeast(3)).toBe(true);
    expect(sockets.areAtLeast(sockets.limit)).toBe(false);
  });
});
