import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { residentMiB } from "../support/memory.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const READERS = 60;
/** Much more than the system keeps for a connection. */
const TEXT_BYTES = 15_000_000;
/** What they may cost together; what the system does not keep for each would be over 400. */
const MAX_GROWTH_MIB = 200;

/** Asks, and reads nothing of the answer but its beginning. */
async function ask(port: number, path: string): Promise<{ socket: Socket; received: number }> {
  const socket = connect({ host: "127.0.0.1", port });
  const reader = { socket, received: 0 };
  socket.on("data", (bytes) => {
    reader.received += bytes.length;
  });
  socket.on("error", () => undefined);
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${btoa("alice:change-me")}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return reader;
}

describeWith(["ssh", "sshpass"], "sixty clients that ask for a manifest of 15 MB and do not read it", () => {
  test("share one copy of it in memory, while other clients pull it", async () => {
    const server = await startEverlock({ args: ["--limit-manifest-size", "16MiB"] });
    await addAlice(server);
    const alice = new RegistryClient(server.httpPort, "app");
    const { manifest } = await alice.pushImage("small");
    const large = JSON.stringify({
      ...JSON.parse(manifest),
      annotations: { text: "x".repeat(TEXT_BYTES) },
    });
    expect((await alice.putManifest("large", large)).status).toBe(201);
    for (let i = 0; i < 4; i++) await alice.verifyImage("large");
    const before = residentMiB(server);
    const readers = await Promise.all(
      Array.from({ length: READERS }, () => ask(server.httpPort, "/v2/app/manifests/large")),
    );
    afterThisTest(() => {
      for (const { socket } of readers) socket.destroy();
    });
    const answer = await alice.fetch("manifests/large");
    expect(answer.headers.get("Content-Length")).toBe(String(large.length));
    expect(await answer.text()).toBe(large);
    expect(residentMiB(server) - before).toBeLessThan(MAX_GROWTH_MIB);
    // Those that read on get all of it.
    const [first] = readers;
    first?.socket.resume();
    expect(await eventually(() => (first?.received ?? 0) > large.length)).toBe(true);
    expect(server.log()).not.toMatch(/ error /);
  }, 60_000);
});
