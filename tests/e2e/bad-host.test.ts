import { describe, expect, test } from "bun:test";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { makeCertificate, tlsFlags } from "../support/certificate.ts";
import { startEverlock } from "../support/everlock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith } from "../support/tools.ts";

const BAD_HOSTS = ["a/b@c:99x", "local host", "[::1", "localhost:port", "%zz", "<script>", "a\\b"];

/** What comes back on a connection, until it is closed. */
function answerOn(socket: Socket, request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.write(request);
  });
}

const requestTo = (method: string, path: string, host: string) =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

/** A status of the client's fault, and nothing of a page for developers. */
function expectPlain(host: string, answer: string, statuses: RegExp): void {
  expect([host, answer.slice(0, 12)]).toEqual([host, expect.stringMatching(statuses)]);
  expect([host, answer.length < 1000]).toEqual([host, true]);
  expect(answer).not.toMatch(/<html|src\/|\.ts\b|at fetch|bun/i);
}

describeWith(["openssl"], "an invalid Host header", () => {
  test("gets a 400 from every listener, without any source code of the program", async () => {
    const certificate = await makeCertificate(temporaryDirectory(), "one", ["localhost"]);
    const server = await startEverlock({
      args: [...tlsFlags([certificate]), "--frontend-ops-listen", "127.0.0.1:0"],
    });
    const plain = (port: number) => connectPlain(port, "127.0.0.1");
    const tls = () => connectTls({ host: "127.0.0.1", port: server.httpsPort, rejectUnauthorized: false });
    for (const host of BAD_HOSTS) {
      const bad = /^HTTP\/1\.1 400/;
      expectPlain(host, await answerOn(plain(server.httpPort), requestTo("GET", "/v2/", host)), bad);
      expectPlain(host, await answerOn(tls(), requestTo("GET", "/v2/", host)), bad);
      for (const path of ["/metrics", "/livez", "/nothing"])
        expectPlain(host, await answerOn(plain(server.opsPort), requestTo("GET", path, host)), bad);
      // Only the same machine's user reaches this one; what matters is the path.
      const control = connectPlain(`${server.dataDir}/everlock.sock`);
      expectPlain(host, await answerOn(control, requestTo("GET", "/hold", host)), /^HTTP\/1\.1 40[04]/);
    }
    const long = requestTo("GET", "/v2/", "x".repeat(300));
    expectPlain("a long one", await answerOn(plain(server.httpPort), long), /^HTTP\/1\.1 400/);
    expect(server.log()).not.toContain("error");
  }, 60_000);
});

describe("the listener for health and metrics", () => {
  test("accepts any Host header", async () => {
    const server = await startEverlock({ args: ["--frontend-ops-listen", "127.0.0.1:0"] });
    for (const host of ["any.example.org", "10.0.0.1:9090", "[::1]:9090"]) {
      const answer = await answerOn(
        connectPlain(server.opsPort, "127.0.0.1"),
        requestTo("GET", "/livez", host),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200[\s\S]*ok\n$/);
    }
  });
});
