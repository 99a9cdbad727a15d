import { expect, test } from "bun:test";
import { type AddressInfo, connect, createServer } from "node:net";
import { isolate } from "../../../src/frontends/ssh/isolate.ts";
import { afterThisTest } from "../../support/cleanup.ts";

test("an exception in a connection's handlers ends only that connection", async () => {
  const failures: unknown[] = [];
  const server = createServer((socket) => {
    isolate(socket, (error) => {
      failures.push(error);
      socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      if (data.toString() === "bad") throw new Error("a fault");
      socket.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => void server.close());
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connect((server.address() as AddressInfo).port, "127.0.0.1", () => socket.write(text));
      socket.on("data", (data) => {
        socket.destroy();
        resolve(data.toString());
      });
      socket.on("close", () => resolve("closed"));
    });
  expect(await Promise.all([say("good"), say("bad"), say("good")])).toEqual(["good", "closed", "good"]);
  expect(failures.map(String)).toEqual(["Error: a fault"]);
});
