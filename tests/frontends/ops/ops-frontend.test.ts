import { expect, test } from "bun:test";
import { resolveServerConfig } from "../../../src/config/server-config.ts";
import { consoleLogger } from "../../../src/primitives/logger.ts";
import { startServer } from "../../../src/server.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { RegistryClient } from "../../support/registry-client.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (-?[0-9.e+]+)$/;

async function start(workers: string) {
  const dataDir = `${temporaryDirectory()}/data`;
  const args = [
    ...["--data-dir", dataDir, "--admin-user", "alice", "--admin-password", "change-me"],
    ...["--frontend-http-listen-http", "127.0.0.1:0", "--no-backend-admin-ssh"],
    ...["--frontend-ops-listen", "127.0.0.1:0", "--http-workers", workers],
  ];
  const server = await startServer(resolveServerConfig(args, {}), {
    ...consoleLogger,
    info: () => undefined,
  });
  afterThisTest(() => server.stop());
  const ask = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${server.ops?.port}${path}`, init);
  return { server, ask, client: new RegistryClient(server.http?.port ?? 0, "app") };
}

/** Every sample by its name and labels; throws where a line is neither a sample nor a comment. */
async function samplesOf(response: Response): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number>();
  for (const line of (await response.text()).trimEnd().split("\n")) {
    if (/^# (HELP|TYPE) [a-z_]+ .+$/.test(line)) continue;
    const [, name, labels = "", value] = line.match(SAMPLE) ?? [];
    if (name === undefined) throw new Error(`'${line}' is no sample`);
    samples.set(`${name}{${labels}}`, Number(value));
  }
  return samples;
}

test.each(["1", "3"])("with %p threads the metrics count every request exactly", async (workers) => {
  const { ask, client } = await start(workers);
  await client.pushImage("v1");
  for (let i = 0; i < 10; i++) await client.fetch("manifests/v1", { headers: { Connection: "close" } });
  for (let i = 0; i < 3; i++) await client.fetch("manifests/none");
  await client.fetch("tags/list", { method: "OPTIONS" });
  const response = await ask("/metrics");
  expect(response.headers.get("Content-Type")).toStartWith("text/plain; version=0.0.4");
  const samples = await samplesOf(response);
  const requests = [...samples].filter(([name]) => name.startsWith("everlock_http_requests_total"));
  expect(Object.fromEntries(requests)).toEqual({
    'everlock_http_requests_total{method="GET",status="200"}': 10,
    'everlock_http_requests_total{method="GET",status="404"}': 3,
    'everlock_http_requests_total{method="POST",status="202"}': 2,
    'everlock_http_requests_total{method="PATCH",status="202"}': 2,
    'everlock_http_requests_total{method="PUT",status="201"}': 3,
    'everlock_http_requests_total{method="other",status="405"}': 1,
  });
  expect(samples.get('everlock_store_manifests{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get('everlock_store_tags{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get("everlock_users{}")).toBe(2);
  expect(samples.get('everlock_job_running{job="gc"}')).toBe(0);
});

test("a server is live and ready, and no longer ready while it stops", async () => {
  const { server, ask, client } = await start("1");
  for (const path of ["/livez", "/readyz"]) expect([path, (await ask(path)).status]).toEqual([path, 200]);
  expect((await ask("/livez", { method: "POST" })).status).toBe(405);
  expect((await ask("/")).status).toBe(404);
  let finish = (): void => undefined;
  const location = await client.startUpload();
  const slow = client.fetch(location, {
    method: "PATCH",
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(10));
        finish = () => controller.close();
      },
    }),
  });
  await Bun.sleep(100);
  const stopped = server.stop();
  expect((await ask("/readyz")).status).toBe(503);
  expect((await ask("/livez")).status).toBe(200);
  finish();
  expect((await slow).status).toBe(202);
  await stopped;
});
