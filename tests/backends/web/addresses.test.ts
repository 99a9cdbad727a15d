import { expect, test } from "bun:test";
import { consoleLines } from "../../support/console-line.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { startTestServer } from "../../support/test-server.ts";
import { askApi } from "../../support/web-api.ts";

test("the address of who pushed is shown to users, and not to `anon`", async () => {
  const server = await startTestServer();
  await consoleLines(server, "/users grant anon http/oci/default/app reader");
  await new RegistryClient(server.httpPort, "app").pushImage("v1", 1000);
  const ask = async (path: string, user: string) =>
    JSON.stringify((await askApi(server.httpPort, path, user)).json);
  const log = JSON.parse(await ask("/repositories/app/-/log", "alice")) as {
    entries: { commit: string }[];
  };
  const paths = [
    "/repositories/app/-/log",
    "/repositories/app/-/tags/v1/moves",
    `/commits/${log.entries[0]?.commit}`,
  ];
  for (const path of paths) {
    expect([path, (await ask(path, "alice")).includes("127.0.0.1")]).toEqual([path, true]);
    const shown = await ask(path, "anon");
    expect([path, shown.includes("push app:v1"), shown.includes("127.0.0.1")]).toEqual([path, true, false]);
  }
});
