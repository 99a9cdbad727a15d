import { expect, test } from "bun:test";
import { fillEverlock } from "../../bench/many-tags.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { startTestServer } from "../../support/test-server.ts";

const TAGS = 8000;
const REQUESTS = 30;

test("a user who asks for many expensive pages holds up neither the pages of others nor pulls", async () => {
  const dataDir = `${temporaryDirectory()}/data`;
  await fillEverlock(dataDir, { many: TAGS });
  const { httpPort } = await startTestServer(["--http-workers", "2"], dataDir);
  const get = (path: string, user?: string) =>
    fetch(`http://127.0.0.1:${httpPort}${path}`, {
      headers: { Host: "localhost", ...(user && { Authorization: `Basic ${btoa(`${user}:change-me`)}` }) },
    });
  const digest = (await get("/v2/many/manifests/v000001")).headers.get("Docker-Content-Digest");
  expect((await get("/repositories/many")).status).toBe(200);

  let finished = 0;
  const previews = Array.from({ length: REQUESTS }, async () => {
    const response = await get(`/repositories/many/-/delete?digest=${digest}`, "admin");
    expect(await response.text()).toContain(`${TAGS} tags would be deleted`);
    finished++;
  });
  while (finished === 0) await Promise.race(previews);
  const others = [
    get("/repositories/many?text=v0077"),
    get("/api/v1/repositories/many/-/tags?text=v0066"),
    ...Array.from({ length: 20 }, () => get("/v2/many/manifests/v000001")),
  ];
  for (const response of await Promise.all(others)) expect(response.status).toBe(200);
  // Most of the expensive ones still wait.
  expect(finished).toBeLessThan(REQUESTS / 2);
  await Promise.all(previews);
}, 60_000);
