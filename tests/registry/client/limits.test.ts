import { expect, test } from "bun:test";
import { parseRetryAfter } from "../../../src/registry/client/retry-after.ts";
import { APP, clientOf, manifestResponse, startUpstream, V1 } from "./upstream.ts";

const NOW = new Date("2026-11-28T08:00:00Z");

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Sat, 28 Nov 2026 08:01:00 GMT", 60_000],
  ["Sat, 28 Nov 2026 07:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", undefined],
  ["2030", 2_030_000],
  ["99999999999999", undefined],
  [undefined, undefined],
])("Retry-After: %s is %p milliseconds", (header, expected) => {
  expect(parseRetryAfter(header, NOW)).toBe(expected as never);
});

test.each([
  ["seconds", "60"],
  ["a date", new Date(Date.now() + 60_000).toUTCString()],
])("after a 429 with Retry-After in %s, upstream is not asked again for this long", async (_, header) => {
  const upstream = startUpstream(
    () => new Response(null, { status: 429, headers: { "Retry-After": header } }),
  );
  const client = clientOf(upstream.origin);
  for (let i = 0; i < 3; i++) {
    const answer = await client.getManifest(APP, V1);
    if (answer.kind !== "limited") throw new Error(answer.kind);
    expect(answer.reason).toBe(`upstream ${upstream.origin}: it answers 429 to the request for a manifest`);
    expect(Number(answer.retryAfterMs)).toBeGreaterThan(50_000);
    expect(Number(answer.retryAfterMs)).toBeLessThanOrEqual(60_000);
  }
  expect(upstream.requests.length).toBe(1);
});

test("a limit on GETs of manifests leaves HEADs alone", async () => {
  const upstream = startUpstream(({ method }) =>
    method === "GET"
      ? new Response(null, { status: 429, headers: { "Retry-After": "60" } })
      : manifestResponse({ "Docker-Content-Digest": `sha256:${"0".repeat(64)}` }),
  );
  const client = clientOf(upstream.origin);
  expect((await client.getManifest(APP, V1)).kind).toBe("limited");
  expect((await client.headManifest(APP, V1)).kind).toBe("found");
});

test("a 429 without Retry-After says nothing of how long", async () => {
  const upstream = startUpstream(() => new Response(null, { status: 429 }));
  const client = clientOf(upstream.origin);
  expect(await client.getManifest(APP, V1)).toMatchObject({ kind: "limited", retryAfterMs: undefined });
  await client.getManifest(APP, V1);
  expect(upstream.requests.length).toBe(2);
});
