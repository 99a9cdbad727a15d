import { expect, test } from "bun:test";
import { connect } from "node:net";
import { addAlice, startEverlock } from "../support/everlock.ts";
import { residentMiB } from "../support/memory.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 8;
const LONG = "x".repeat(12_000);
/** What the requests may leave behind; each whole would be 115. */
const MAX_GROWTH_MIB = 60;
/** Of each node, whose code is compiled meanwhile. */
const WARM_UP = 1000;

/** Has one connection make a request after the other, until `next` has none. */
function ask(port: number, next: () => string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    const send = () => {
      const target = next();
      if (target === undefined) {
        socket.destroy();
        resolve();
      } else
        socket.write(
          `GET ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${btoa("alice:change-me")}\r\n\r\n`,
        );
    };
    let answer = "";
    socket.on("connect", send);
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      answer += bytes;
      const head = answer.indexOf("\r\n\r\n");
      const length = Number(answer.match(/content-length: (\d+)/i)?.[1] ?? 0);
      if (head < 0 || answer.length < head + 4 + length) return;
      answer = "";
      send();
    });
  });
}

describeWith(["ssh", "sshpass"], "cache keys", () => {
  test.each([
    ["queries", (i: number) => `/v2/app${i}/tags/list?x=${i}${LONG}`],
    ["starts of lists", (i: number) => `/v2/app/tags/list?last=${i}${LONG}`],
  ])(
    "ten thousand long %s are not kept",
    async (_, target) => {
      const server = await startEverlock();
      await addAlice(server);
      await new RegistryClient(server.httpPort, "app").pushImage("v1");
      const askMany = async (first: number, count: number) => {
        let i = first;
        const next = () => (i < first + count ? target(i++) : undefined);
        await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(server.httpPort, next)));
      };
      const begin = WARM_UP * server.nodes.length;
      await askMany(0, begin);
      const before = residentMiB(server);
      await askMany(begin, REQUESTS);
      expect(residentMiB(server) - before).toBeLessThan(MAX_GROWTH_MIB);
    },
    60_000,
  );
});
