import { expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { binary } from "../../../support/binary.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { bytesOf, RegistryClient } from "../../../support/registry-client.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { startTestServer } from "../../../support/test-server.ts";
import { WebClient } from "../../../support/web-client.ts";

const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

async function start(...args: string[]) {
  const path = `${temporaryDirectory()}/access.log`;
  const { httpPort } = await startTestServer(["--access-log", path, ...args]);
  return { path, httpPort, client: new RegistryClient(httpPort, "team/app") };
}

test.each(["1", "3"])(
  "with %p threads every request is a line that tells who, what and how much",
  async (workers) => {
    const { path, client, httpPort } = await start("--http-workers", workers);
    const { manifest } = await client.pushImage("v1");
    const MANY = 50;
    await Promise.all(
      Array.from({ length: MANY }, async () =>
        bytesOf(
          await client.fetch("manifests/v1", { headers: { Connection: "close", "User-Agent": "test/1" } }),
        ),
      ),
    );
    await new RegistryClient(httpPort, "x", null).fetch("tags/list", { headers: { Host: "none.test" } });
    const pushed = 7;
    expect(await eventually(() => linesOf(path).length === pushed + MANY + 1)).toBe(true);
    const entries = linesOf(path).map((line) => JSON.parse(line));
    const pulls = entries.filter(({ method, status }) => method === "GET" && status === 200);
    expect(pulls).toHaveLength(MANY);
    for (const pull of pulls) {
      const { time, ms, ...rest } = pull;
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
      expect(ms).toBeGreaterThan(0);
      expect(rest).toEqual({
        remote: "127.0.0.1",
        user: "alice",
        instance: "default",
        repository: "team/app",
        method: "GET",
        path: "/v2/team/app/manifests/v1",
        status: 200,
        received: 0,
        sent: manifest.length,
        client: "test/1",
      });
    }
    const layer = entries.find(({ received }) => received === 10_000);
    expect([layer?.method, layer?.status]).toEqual(["PATCH", 202]);
    const lost = entries.find(({ status }) => status === 404);
    expect([lost?.user, lost?.instance, lost?.repository]).toEqual(["anon", "", ""]);
  },
);

test("a client can't forge a line of the text log", async () => {
  const { path, client } = await start("--access-log-format", "text");
  await client.fetch('manifests/a"b%0aforged', { headers: { "User-Agent": 'x" forged\\' } });
  expect(await eventually(() => readFileSync(path, "utf8") !== "")).toBe(true);
  const [line, ...others] = linesOf(path);
  expect(others).toEqual([]);
  expect(line).toMatch(
    /^\d{4}-\S+Z 127\.0\.0\.1 alice default - GET \/v2\/team\/app\/manifests\/\S+ 400 in=0 out=\d+ [\d.]+ms "x\\u0022 forged\\u005c"$/,
  );
});

test("after the log file is moved away, a new file with its name is opened", async () => {
  const { path, client } = await start();
  let requests = 0;
  const ask = async () => {
    await client.fetch("tags/list");
    requests++;
  };
  await ask();
  expect(await eventually(() => readFileSync(path, "utf8") !== "")).toBe(true);
  renameSync(path, `${path}.1`);
  // The server looks now and then whether its file is still there.
  const isNew = async () => {
    await ask();
    return existsSync(path) && readFileSync(path, "utf8") !== "";
  };
  expect(await eventually(isNew)).toBe(true);
  const lines = () => linesOf(`${path}.1`).length + linesOf(path).length;
  expect(await eventually(() => lines() === requests)).toBe(true);
});

test("a log file that can't be opened, or an unknown format, is an error at startup", async () => {
  const fault = (...args: string[]) => startTestServer(args).then(String, (error) => error.message);
  const dir = temporaryDirectory();
  expect(await fault("--access-log", dir)).toStartWith(`--access-log: can't write to ${dir}`);
  expect(await fault("--access-log", "-", "--access-log-format", "xml")).toBe(
    "--access-log-format must be json or text, not 'xml'",
  );
});

test("whole lines of all threads wait for a slow reader of standard output", async () => {
  const dir = temporaryDirectory();
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  const flags = `--data-dir ${dir}/data --admin-password change-me --no-backend-admin-ssh --http-workers 3`;
  const listen = `--frontend-http-listen-http 127.0.0.1:${port} --access-log -`;
  // The reader begins once this file is gone.
  writeFileSync(`${dir}/wait`, "");
  const read = () => rmSync(`${dir}/wait`, { force: true });
  const reader = `while [ -e ${dir}/wait ]; do sleep 0.02; done; cat > ${dir}/out`;
  const child = Bun.spawn(["sh", "-c", `${binary()} serve ${flags} ${listen} 2> ${dir}/err | (${reader})`], {
    env: process.env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const end = (signal: NodeJS.Signals) =>
    process.kill(Number(readFileSync(`${dir}/data/everlock.pid`, "utf8")), signal);
  afterThisTest(async () => {
    read();
    if (child.exitCode === null) end("SIGKILL");
    await child.exited;
  });
  const client = new RegistryClient(port, "app", "admin:change-me");
  const isUp = () =>
    client.fetch("/v2/").then(
      ({ status }) => status === 200,
      () => false,
    );
  expect(await eventually(isUp)).toBe(true);
  // Far more than a pipe holds while nobody reads.
  const MANY = 3000;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let i = 0; i < MANY / 20; i++)
        await client.fetch("manifests/none", {
          headers: { Connection: "close", "User-Agent": "x".repeat(200) },
        });
    }),
  );
  read();
  const answers = () => linesOf(`${dir}/out`).filter((line) => line.includes("/manifests/none"));
  expect(await eventually(() => existsSync(`${dir}/out`) && answers().length >= MANY)).toBe(true);
  end("SIGTERM");
  await child.exited;
  const lines = answers();
  expect(lines).toHaveLength(MANY);
  for (const line of lines) expect(JSON.parse(line).status).toBe(404);
  expect(readFileSync(`${dir}/err`, "utf8")).toBe("");
}, 20_000);

test("long paths and User-Agent headers are cut", async () => {
  const { path, client } = await start();
  await client.fetch(`${"x".repeat(5000)}/tags/list`, { headers: { "User-Agent": "y".repeat(5000) } });
  expect(await eventually(() => linesOf(path).join("") !== "")).toBe(true);
  const [line = "{}"] = linesOf(path);
  const { path: logged, client: agent } = JSON.parse(line);
  expect([logged.length, agent.length]).toEqual([2048, 256]);
});

test("a request for a page has its user, registry and size, and not its query", async () => {
  const { path, httpPort } = await start();
  const browser = new WebClient(httpPort);
  await browser.signIn("alice", "change-me");
  const page = await browser.fetch("/?text=none", { headers: { "Accept-Encoding": "identity" } });
  expect(await eventually(() => linesOf(path).length === 2)).toBe(true);
  const [, line = ""] = linesOf(path);
  expect(JSON.parse(line)).toMatchObject({
    ...{ user: "alice", instance: "default", method: "GET", path: "/", status: 200 },
    sent: (await bytesOf(page)).length,
  });
});
