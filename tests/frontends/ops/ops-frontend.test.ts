import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SYSTEM_STORE } from "../../../src/backends/oci-http/settings/instance-config.ts";
import { resolveServerConfig } from "../../../src/config/server-config.ts";
import { hostMetrics } from "../../../src/frontends/ops/host-metrics.ts";
import { consoleLogger } from "../../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../../src/primitives/store/commits/commit-group.ts";
import { storePath } from "../../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import { startServer } from "../../../src/server/server.ts";
import { makeCertificate } from "../../support/certificate.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { freePort } from "../../support/free-port.ts";
import { bytesOf, RegistryClient } from "../../support/registry-client.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeWith, run } from "../../support/tools.ts";
import { unfinishedUpload } from "../../support/unfinished-upload.ts";

const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (-?[0-9.e+-]+)$/;

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
  const { manifest, layer } = await client.pushImage("v1");
  const config = await bytesOf(await client.fetch(`blobs/${JSON.parse(manifest).config.digest}`));
  for (let i = 0; i < 10; i++) await client.fetch("manifests/v1", { headers: { Connection: "close" } });
  let errors = 0;
  const failing = async (path: string, init?: Parameters<typeof client.fetch>[1]) => {
    errors += (await bytesOf(await client.fetch(path, init))).length;
  };
  for (let i = 0; i < 3; i++) await failing("manifests/none");
  await failing("tags/list", { method: "OPTIONS" });
  await failing("/v2/", { headers: { Authorization: `Basic ${btoa("alice:wrong")}` } });
  await client.fetch(`blobs/${layer}`, { headers: { Range: "bytes=0-99" } });
  await client.fetch(`blobs/${layer}`, { method: "HEAD" });
  await client.startUpload();
  const response = await ask("/metrics");
  expect(response.headers.get("Content-Type")).toStartWith("text/plain; version=0.0.4");
  const samples = await samplesOf(response);
  const total = "everlock_http_requests_total";
  expect(Object.fromEntries([...samples].filter(([name]) => name.startsWith(total)))).toEqual({
    [`${total}{route="manifest",method="GET",status="200"}`]: 10,
    [`${total}{route="manifest",method="GET",status="404"}`]: 3,
    [`${total}{route="manifest",method="PUT",status="201"}`]: 1,
    [`${total}{route="uploads",method="POST",status="202"}`]: 3,
    [`${total}{route="upload",method="PATCH",status="202"}`]: 2,
    [`${total}{route="upload",method="PUT",status="201"}`]: 2,
    [`${total}{route="tags",method="other",status="405"}`]: 1,
    [`${total}{route="blob",method="GET",status="200"}`]: 1,
    [`${total}{route="blob",method="GET",status="206"}`]: 1,
    [`${total}{route="blob",method="HEAD",status="200"}`]: 1,
    [`${total}{route="base",method="GET",status="401"}`]: 1,
  });
  // Every class counts those before it, and the last one all.
  const durations = "everlock_http_request_duration_seconds";
  const buckets = [...samples].filter(([name]) => name.startsWith(`${durations}_bucket{route="manifest"`));
  const counts = buckets.map(([, count]) => count);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(buckets.at(-1)).toEqual([`${durations}_bucket{route="manifest",le="+Inf"}`, 14]);
  expect(samples.get(`${durations}_count{route="manifest"}`)).toBe(14);
  expect(samples.get("everlock_http_received_bytes_total{}")).toBe(config.length + 10_000 + manifest.length);
  expect(samples.get("everlock_http_sent_bytes_total{}")).toBe(
    10 * manifest.length + 100 + config.length + errors,
  );
  expect(samples.get("everlock_http_requests_in_flight{}")).toBe(0);
  expect(samples.get('everlock_login_failures_total{reason="wrong"}')).toBe(1);
  expect(samples.get('everlock_commits_total{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get('everlock_commit_queue{store="everlock-oci-local"}')).toBe(0);
  expect(samples.get('everlock_index_behind{store="everlock-oci-local"}')).toBe(0);
  expect(samples.get('everlock_uploads_open{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get('everlock_job_runs_total{name="gc",outcome="done"}')).toBe(0);
  expect(samples.get('everlock_store_manifests{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get('everlock_store_tags{store="everlock-oci-local"}')).toBe(1);
  expect(samples.get("everlock_users{}")).toBe(2);
  expect(samples.get('everlock_job_running{name="gc"}')).toBe(0);
});

describeWith(["promtool"], "promtool", () => {
  test("accepts the metrics", async () => {
    const { ask, client } = await start("1");
    await client.pushImage("v1");
    await (await ask("/metrics")).text();
    const checked = await run(["promtool", "check", "metrics"], {
      stdin: await (await ask("/metrics")).text(),
    });
    expect(checked).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

test("a server is live and ready, and no longer ready while it stops", async () => {
  const { server, ask, client } = await start("1");
  for (const path of ["/livez", "/readyz"]) expect([path, (await ask(path)).status]).toEqual([path, 200]);
  expect((await ask("/livez", { method: "POST" })).status).toBe(405);
  expect((await ask("/")).status).toBe(404);
  const { response: slow, finish } = await unfinishedUpload(client, 100_000);
  const stopped = server.stop();
  expect((await ask("/readyz")).status).toBe(503);
  expect((await ask("/livez")).status).toBe(200);
  finish();
  expect((await slow).status).toBe(202);
  await stopped;
});

test("a server is not ready while its registries are disabled, and its start says so", async () => {
  const dataDir = temporaryDirectory();
  const args = [
    ...["--data-dir", dataDir, "--admin-password", "change-me", "--http-workers", "1"],
    ...["--frontend-http-listen-http", "127.0.0.1:0", "--no-backend-admin-ssh"],
    ...["--frontend-ops-listen", "127.0.0.1:0"],
  ];
  const system = await localStores(dataDir, consoleLogger).open(SYSTEM_STORE);
  await system.write(storePath("config/backends.toml"), Buffer.from('disabled = ["oci-http"]\n'), {
    author: SYSTEM_IDENTITY,
    message: "disable oci-http",
  });
  await system.close();
  const warnings: string[] = [];
  const log = { ...consoleLogger, info: () => undefined, warn: (text: string) => void warnings.push(text) };
  const server = await startServer(resolveServerConfig(args, {}), log);
  afterThisTest(() => server.stop());
  const response = await fetch(`http://127.0.0.1:${server.ops?.port}/readyz`);
  expect([response.status, await response.text()]).toEqual([
    503,
    "the registries are disabled; '/backends enable oci-http' enables them\n",
  ]);
  const metrics = await (await fetch(`http://127.0.0.1:${server.ops?.port}/metrics`)).text();
  expect(metrics).toContain('everlock_registry_up{registry="default"} 0\n');
  expect(warnings).toContain(
    "the backend 'oci-http' is disabled; '/backends enable oci-http' in the console enables it",
  );
});

test("the metrics have the room on the data directory's disk", async () => {
  const { ask } = await start("1");
  const samples = await samplesOf(await ask("/metrics"));
  const [free = 0, size = 0] = ["free", "size"].map((what) => samples.get(`everlock_data_${what}_bytes{}`));
  expect(free).toBeGreaterThan(0);
  expect(size).toBeGreaterThan(free);
});

describeWith(["openssl"], "a certificate", () => {
  test("has a metric of its expiry", async () => {
    const dir = temporaryDirectory();
    const files = await makeCertificate(dir, "registry.test", ["registry.test"]);
    const certificate = readFileSync(files.certificate, "utf8");
    const used = [{ path: files.certificate, names: ["registry.test"], certificate, key: "" }];
    const metrics = await hostMetrics({ certificates: () => used, dataDir: dir });
    const [sample] = metrics.at(-1)?.samples ?? [];
    expect(sample?.labels).toEqual({ index: "0", name: "registry.test" });
    const days = ((sample?.value ?? 0) - Date.now() / 1000) / 86_400;
    expect(Math.round(days)).toBe(2);
  });
});

test("a server is not ready before its console listens", async () => {
  const [ops, ssh] = [freePort(), freePort()];
  const args = [
    ...["--data-dir", `${temporaryDirectory()}/data`, "--admin-password", "change-me", "--http-workers", "1"],
    ...["--frontend-http-listen-http", "127.0.0.1:0", "--frontend-ssh-listen", `127.0.0.1:${ssh}`],
    ...["--frontend-ops-listen", `127.0.0.1:${ops}`],
  ];
  const starting = startServer(resolveServerConfig(args, {}), { ...consoleLogger, info: () => undefined });
  afterThisTest(async () => (await starting).stop());
  const answers = new Set<string>();
  while (!answers.has("ok\n")) {
    const answer = await fetch(`http://127.0.0.1:${ops}/readyz`).catch(() => undefined);
    if (answer) answers.add(await answer.text());
    await Bun.sleep(1);
  }
  const greeting = Promise.withResolvers<string>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port: ssh,
    socket: {
      data(socket, bytes) {
        greeting.resolve(String(bytes));
        socket.end();
      },
    },
  });
  expect(await greeting.promise).toStartWith("SSH-2.0-");
  expect([...answers]).toEqual(["starting\n", "ok\n"]);
});
