import { describe, expect, test } from "bun:test";
import { SECURITY_HEADERS } from "../../../src/backends/web/requests/security-headers.ts";
import { startHiddenWorld } from "../../support/web/hidden-world.ts";
import { READ_ADDRESSES } from "../../support/web/web-addresses.ts";
import { basic } from "../../support/web/web-identities.ts";

async function start() {
  const world = await startHiddenWorld();
  const examples = await world.hide();
  const ask = (path: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${world.httpPort}${path}`, {
      ...{ ...init, redirect: "manual" },
      headers: { Host: "localhost", Accept: "text/html", ...basic("alice").headers, ...headers },
    });
  return { examples, ask, port: world.httpPort };
}

const JSON_TYPE = { "Content-Type": "application/json" };
const NESTED = 100_000;
/** From one network: together they announce more than the memory for bodies. */
const SLOW_WRITERS = 150;

describe("pages and the API", () => {
  test("have a HEAD wherever they have a GET, and name their methods to others", async () => {
    const { examples, ask } = await start();
    const faults: string[] = [];
    for (const { paths } of READ_ADDRESSES)
      for (const path of paths(examples)) {
        const [got, head, options] = [
          await ask(path),
          await ask(path, { method: "HEAD" }),
          await ask(path, { method: "OPTIONS" }),
        ];
        if (head.status !== got.status) faults.push(`HEAD ${path}: ${head.status}, not ${got.status}`);
        if (options.status === 405 ? !options.headers.has("Allow") : options.status !== 404)
          faults.push(`OPTIONS ${path}: ${options.status} ${options.headers.get("Allow")}`);
        for (const response of [got, head, options])
          for (const [name, value] of Object.entries({ ...SECURITY_HEADERS, "Cache-Control": "no-store" }))
            if (response.headers.get(name) !== value && !path.includes("/blobs/"))
              faults.push(`${path}: ${name}`);
      }
    expect(faults).toEqual([]);
  }, 60_000);

  test("refuse bodies and queries without end soon, and go on", async () => {
    const { ask } = await start();
    const began = performance.now();
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      ask(path, { method: "POST", body }, headers);
    const deep = `${"[".repeat(NESTED)}${"]".repeat(NESTED)}`;
    const statuses = [
      await post("/api/v1/account/tokens", deep, JSON_TYPE),
      await post("/api/v1/account/tokens", `{"name":${deep}}`, JSON_TYPE),
      await post("/api/v1/account/tokens", `{${'"a":1,'.repeat(30_000)}"b":1}`, JSON_TYPE),
      await post("/account", "a&".repeat(NESTED)),
      await post("/sign-in", "user=&".repeat(40_000)),
      await post("/account", "x".repeat(300_000)),
      await ask(`/?${"a=1&".repeat(3000)}`),
      await ask(`/api/v1/repositories?text=${"x".repeat(10_000)}`),
      await ask(`/log?client=${encodeURIComponent("(a+)+$".repeat(300))}`),
    ].map(({ status }) => status);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(statuses.slice(0, 3)).toEqual([400, 400, 400]);
    expect(statuses[5]).toBe(413);
    expect((await ask("/")).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(10_000);
  }, 30_000);

  test("are shown, and sign others in, while many clients send bodies that never end", async () => {
    const { ask, port } = await start();
    const head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\nuser=";
    const opened = await Promise.all(
      Array.from({ length: SLOW_WRITERS }, () =>
        Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { open: (socket) => void socket.write(head), data: () => undefined },
        }),
      ),
    );
    const form = { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" };
    const began = performance.now();
    const page = await ask("/");
    const signIn = await ask("/sign-in", { method: "POST", body: "user=alice&password=change-me" }, form);
    expect([page.status, signIn.status]).toEqual([200, 303]);
    expect(performance.now() - began).toBeLessThan(5000);
    for (const socket of opened) socket.terminate();
  }, 30_000);

  test("are found by no other spelling that means another path", async () => {
    const { ask } = await start();
    for (const path of [
      ...["/%2f", "/..%2f..%2fetc/passwd", "/repositories//app", "/repositories/-/tags/v1"],
      ...[
        "/assets/..%2f..%2fpackage.json",
        "/api/v1/../v1/log%00",
        "/api//v1/log",
        "/repositories/hidden%2f..%2fapp",
      ],
    ]) {
      const response = await ask(path);
      if (response.status !== 400) expect([path, response.status]).toEqual([path, 404]);
    }
  });
});
