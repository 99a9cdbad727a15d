import { expect, test } from "bun:test";
import { connect } from "node:net";
import { HttpListener } from "../../../../src/frontends/http/listen/http-listener.ts";
import { afterThisTest } from "../../../support/cleanup.ts";

/** Sends `head`, then a byte every half second; returns what the server sends until it closes the connection. */
async function slowly(head: string): Promise<string> {
  const listener = new HttpListener(
    { hostname: "127.0.0.1", port: 0 },
    {
      isShared: false,
      handle: async (request) => {
        if (request.url.endsWith("/slow")) await Bun.sleep(6000);
        return new Response(request.method === "PUT" ? await request.text() : "done");
      },
      onError: String as never,
      firstHeadSeconds: 1,
    },
  );
  afterThisTest(() => listener.close());
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: listener.address.port });
    let received = "";
    socket.write(head);
    const drip = setInterval(() => socket.write("a"), 500);
    socket.on("data", (bytes) => {
      received += bytes;
      socket.end();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(drip);
      resolve(received);
    });
  });
}

const HEAD = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";

test.concurrent.each([
  ["sends nothing", ""],
  ["does not end the head of its request", `GET / ${HEAD}X-Slow: `],
])(
  "a connection that %s is closed, even if it keeps sending bytes",
  async (_, head) => {
    expect(await slowly(head)).toBe("");
  },
  20_000,
);

test.concurrent("a request whose head has arrived may be slow in its body or its response", async () => {
  const [body, response] = await Promise.all([
    slowly(`PUT / ${HEAD}Content-Length: 12\r\n\r\n`),
    slowly(`GET /slow ${HEAD}\r\n`),
  ]);
  expect(body).toEndWith("\r\n\r\naaaaaaaaaaaa");
  expect(response).toEndWith("\r\n\r\ndone");
}, 20_000);
