import { describe, expect, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { afterThisTest } from "../support/cleanup.ts";
import { startEverlock } from "../support/everlock.ts";
import { run } from "../support/tools.ts";

const health = (args: readonly string[], env: Record<string, string> = {}) =>
  run([binary(), "health", ...args], { env });

/** A listener that sends `answer` to whoever sends something. Returns its port. */
function listener(answer: string, then: "close" | "wait" | "flood"): number {
  const flood = "x".repeat(10_000);
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write(answer);
        if (then === "close") socket.end();
        if (then === "flood") socket.write(flood);
      },
      drain: (socket) => void (then === "flood" && socket.write(flood)),
    },
  });
  afterThisTest(() => server.stop(true));
  return server.port;
}

describe("everlock health", () => {
  test("asks /readyz where the server has it, and the registry elsewhere, whatever proxy the environment names", async () => {
    const { httpPort, opsPort } = await startEverlock({ args: ["--frontend-ops-listen", "127.0.0.1:0"] });
    const proxy = `http://127.0.0.1:${listener("HTTP/1.1 502 Bad Gateway\r\n\r\n", "close")}`;
    const ops = await health([], {
      EVERLOCK_FRONTEND_OPS_LISTEN: `0.0.0.0:${opsPort}`,
      HTTP_PROXY: proxy,
      http_proxy: proxy,
    });
    expect(ops).toEqual({
      code: 0,
      stdout: `ready: http://127.0.0.1:${opsPort}/readyz returned 200\n`,
      stderr: "",
    });
    expect(await health([`--frontend-http-listen-http=127.0.0.1:${httpPort}`])).toEqual({
      code: 0,
      stdout: `ready: http://127.0.0.1:${httpPort}/v2/ returned 401\n`,
      stderr: "",
    });
  });

  test.each([
    [
      "503",
      "HTTP/1.1 503 Service Unavailable\r\n\r\nthe registry 'a'\nis out of service\n",
      "close",
      " returned 503 the registry 'a' is out of service",
    ],
    ["404 from another server", "HTTP/1.1 404 Not Found\r\n\r\n", "close", " returned 404"],
    ["something other than HTTP", "SSH-2.0-x\r\n", "close", ": the answer is not one of HTTP"],
    ["nothing", "", "wait", ": no answer within 1 s"],
    ["an answer without an end", "HTTP/1.1 500 No\r\n\r\n", "flood", ` returned 500 ${"x".repeat(4077)}`],
  ] as const)("exits with 1 and one line when /readyz returns %s", async (_, answer, then, reason) => {
    const port = listener(answer, then);
    const { code, stdout, stderr } = await health([
      "--timeout",
      "1s",
      `--frontend-ops-listen=127.0.0.1:${port}`,
    ]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(`everlock: not ready: http://127.0.0.1:${port}/readyz${reason}\n`);
  });

  test.each([
    [["--timeout", "now"], "--timeout must be a time such as 5s, of up to 1h, not 'now'"],
    [
      ["--frontend-ops-listen", "127.0.0.1:0"],
      "with --frontend-ops-listen …:0 the system chooses the port, so it can't be asked",
    ],
    [
      ["--no-frontend-http"],
      "the server serves no registry over HTTP, so it needs --frontend-ops-listen <host:port> to be asked",
    ],
    [["now"], "unexpected argument 'now'"],
  ])("with %p exits with 2 and says why", async (args, message) => {
    const { code, stderr } = await health(args);
    expect(code).toBe(2);
    expect(stderr).toStartWith(`everlock: ${message}`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
