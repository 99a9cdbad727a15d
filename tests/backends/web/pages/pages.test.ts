import { expect, test } from "bun:test";
import { startTestServer } from "../../../support/test-server.ts";
import { WebClient } from "../../../support/web-client.ts";

test("an address with a slash at its end, or without a repository's name, leads to the page that it means", async () => {
  const { httpPort } = await startTestServer();
  const browser = new WebClient(httpPort);
  const answers = async (path: string) => {
    const { status, headers } = await browser.fetch(path);
    return [status, headers.get("Location")];
  };
  expect(await answers("/repositories")).toEqual([303, "/"]);
  expect(await answers("/repositories/")).toEqual([303, "/"]);
  expect(await answers("/repositories/team/app/?text=v1&at=2h")).toEqual([
    303,
    "/repositories/team/app?text=v1&at=2h",
  ]);
  expect(await answers("/log/")).toEqual([303, "/log"]);
  expect((await browser.submit("/log/", {})).status).not.toBe(303);
});
