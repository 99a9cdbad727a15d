import { expect, test } from "bun:test";
import { connect } from "node:net";
import { afterThisTest } from "../support/cleanup.ts";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

/** More than a thread has room for. */
const WRITERS = 40;
const MANIFEST_BYTES = 4 * 1024 * 1024;
const FORMS = 2200;
const FORM_BYTES = 16 * 1024;

/** Begins a request and sends no more of its body than a character. */
async function begin(port: number, head: string, bytes: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" });
  socket.on("error", () => undefined);
  afterThisTest(() => void socket.destroy());
  const sent = `${head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${btoa("admin:change-me")}\r\n`;
  await new Promise<void>((resolve) =>
    socket.write(`${sent}Content-Length: ${bytes}\r\n\r\n{`, () => resolve()),
  );
}

describeWith(["ssh", "sshpass"], "clients that begin large requests and do not send their bodies", () => {
  test("do not keep other clients from pushing manifests or requesting tokens", async () => {
    const server = await startEverlock({ args: ["--http-workers", "1", "--limit-connections", "8000"] });
    await addAlice(server);
    const alice = new RegistryClient(server.httpPort, "app");
    const askForToken = () =>
      fetch(`http://localhost:${server.httpPort}/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "password", username: "alice", password: "change-me" }),
      });
    expect((await askForToken()).status).toBe(200);
    for (let i = 0; i < WRITERS; i++)
      await begin(server.httpPort, `PUT /v2/app/manifests/slow-${i}`, MANIFEST_BYTES);
    for (let i = 0; i < FORMS; i++) await begin(server.httpPort, "POST /token", FORM_BYTES);
    for (let i = 0; i < 3; i++) {
      await alice.pushImage(`during-${i}`);
      expect((await askForToken()).status).toBe(200);
    }
    expect(server.log()).not.toMatch(/ error /);
  }, 60_000);
});
