import { expect, test } from "bun:test";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

/** An upload whose body goes on until it is told to end. */
async function slowUpload(server: Everlock) {
  const client = new RegistryClient(server.httpPort, "app");
  const location = await client.startUpload();
  let finish = (): void => undefined;
  const response = client.fetch(location, {
    method: "PATCH",
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(100_000));
        finish = () => controller.close();
      },
    }),
  });
  const outcome = response.then(
    ({ status }) => status,
    () => "broken off",
  );
  await Bun.sleep(300);
  return { finish: () => finish(), outcome };
}

describeWith(["ssh", "sshpass"], "a stop", () => {
  test("lets a request under way finish", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const upload = await slowUpload(server);
    const ended = server.end("SIGTERM");
    await Bun.sleep(300);
    upload.finish();
    expect(await upload.outcome).toBe(202);
    expect(await ended).toBe(0);
  });

  test("waits no longer than --stop-timeout for one that does not end", async () => {
    const server = await startEverlock({ args: ["--stop-timeout", "1s"] });
    await addAlice(server);
    const upload = await slowUpload(server);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(await upload.outcome).toBe("broken off");
  });
});
