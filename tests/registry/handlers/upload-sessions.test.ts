import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { SESSION_LIMITS } from "../../../src/primitives/store/blobs/session-counts.ts";
import { startTestServer } from "../../support/test-server.ts";

const AT_ONCE = 50;

test("a client with too many open upload sessions gets 429 until it ends one", async () => {
  const { httpPort, dataDir } = await startTestServer();
  const url = `http://localhost:${httpPort}/v2/app/blobs/uploads/`;
  const headers = { Authorization: `Basic ${btoa("alice:change-me")}` };
  const post = () => fetch(url, { method: "POST", headers });
  const statuses = new Set<number>();
  let location = "";
  for (let begun = 0; begun < SESSION_LIMITS.user; begun += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, post));
    for (const answer of answers) statuses.add(answer.status);
    location = answers[0]?.headers.get("Location") ?? "";
  }
  expect([...statuses]).toEqual([202]);
  const refused = await post();
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"]);
  expect(await refused.json()).toEqual({
    errors: [
      {
        code: "TOOMANYREQUESTS",
        message: "1000 uploads of 'alice' are open; end some of them, or try again later",
      },
    ],
  });
  expect(readdirSync(`${dataDir}/everlock-oci-local/uploads`)).toHaveLength(SESSION_LIMITS.user);
  const whole = await fetch(`${url}?digest=sha256:${"0".repeat(64)}`, { method: "POST", headers, body: "x" });
  expect(whole.status).toBe(429);
  const end = await fetch(new URL(location, url), { method: "DELETE", headers });
  expect(end.status).toBe(204);
  expect((await post()).status).toBe(202);
}, 30_000);
