import { expect, test } from "bun:test";
import { BackendSwitch } from "../../../../src/backends/backend-switch.ts";
import { InstanceRegistry } from "../../../../src/backends/oci-http/instances/instance-registry.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { SYSTEM_STORE } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { completeSettings } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import type { WebCalls } from "../../../../src/backends/web/requests/web-calls.ts";
import { HttpTraffic } from "../../../../src/frontends/http/requests/http-traffic.ts";
import { startHttp } from "../../../../src/frontends/http/threads/start-http.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { Logger } from "../../../../src/primitives/logging/logger.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { parseAccessPattern } from "../../../../src/primitives/users/access-path.ts";
import { Authenticator } from "../../../../src/primitives/users/authenticator.ts";
import { PasswordChecker } from "../../../../src/primitives/users/password-checker.ts";
import { TokenUses } from "../../../../src/primitives/users/token-uses.ts";
import { ANONYMOUS, type UserName } from "../../../../src/primitives/users/user.ts";
import { USERS_STORE, UserRegistry } from "../../../../src/primitives/users/user-registry.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { eventually } from "../../../support/eventually.ts";
import { randomBytes } from "../../../support/random-bytes.ts";
import { RegistryClient } from "../../../support/registry-client.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const THREADS = 3;
const NO_PAGES: WebCalls = { handle: async () => ({ status: 404, headers: {}, body: null }) };
/** New connections that reach every thread, but for bad luck of one in millions. */
const MANY = 40;
const ALICE = "alice" as UserName;
const EVERYWHERE = parseAccessPattern("*/*/*") ?? raise();
const DEFAULT = {
  name: "default",
  ...completeSettings({ vhosts: ["localhost"], store: "oci" as StoreName }, raise),
};

function raise(): never {
  throw new Error("the pattern does not parse");
}

async function start(options: { readonly worker?: string; readonly answerTimeoutMs?: number } = {}) {
  const { worker: file = "../../../../src/server/http-worker.ts", answerTimeoutMs } = options;
  const traffic = new HttpTraffic(THREADS);
  const logged: string[] = [];
  const line = (message: string) => void logged.push(message);
  const log: Logger = { info: line, warn: line, error: (message, cause) => line(`${message}: ${cause}`) };
  const stores = localStores(temporaryDirectory(), log);
  const users = await UserRegistry.load(await stores.open(USERS_STORE), log.warn);
  await users.add(SYSTEM_IDENTITY, ALICE, "change-me");
  await users.grant(SYSTEM_IDENTITY, ALICE, EVERYWHERE, "owner");
  const system = await stores.open(SYSTEM_STORE);
  const instances = await InstanceRegistry.open({ system, stores, users: () => users.directory, log }, () => [
    DEFAULT as unknown as InstanceConfig,
  ]);
  const backends = await BackendSwitch.load(system, ["oci-http"]);
  const tokenUses = new TokenUses(`${temporaryDirectory()}/uses.json`, log);
  afterThisTest(() => tokenUses.close());
  const passwords = new PasswordChecker(() => users.directory);
  const workers: Worker[] = [];
  /** How many threads the system does not make from now on. */
  const failing = { spawns: 0 };
  const settings = {
    listen: { hostname: "127.0.0.1", port: 0 },
    listenTls: undefined,
    redirectsToTls: false,
    hstsSeconds: undefined,
    pathPrefix: "",
    crossOrigins: [],
    proxies: { networks: [], header: "x-forwarded-for" as const, trustsScheme: false, trustsHost: false },
    limits: {
      requestsPerSecond: undefined,
      uploads: undefined,
      manifestBytes: 4 << 20,
      blobBytes: undefined,
    },
    connectionsPerAddress: undefined,
    otherGuardedPorts: [],
    accessLog: undefined,
    stopTimeoutMs: 10_000,
  };
  const httpOptions = {
    settings,
    certificates: [],
    workers: THREADS,
    tokenKey: randomBytes(32),
    traffic,
    ...(answerTimeoutMs !== undefined && { answerTimeoutMs }),
    spawn: () => {
      if (failing.spawns > 0 && failing.spawns--) throw new Error("no thread is left");
      const worker = new Worker(new URL(file, import.meta.url));
      workers.push(worker);
      return worker;
    },
  };
  const authenticator = new Authenticator(
    () => users.directory,
    (...args) => passwords.check(...args),
    (id) => tokenUses.note(id),
  );
  const services = { instances, users, passwords, authenticator, backends, tokenUses, web: NO_PAGES, log };
  const http = await startHttp(httpOptions, services);
  afterThisTest(async () => {
    await http.stop();
    await instances.close();
  });
  const { port } = http.addresses.plain;
  /** The status of a request over a connection of its own. */
  const status = async (path: string, { host = "localhost", authorization = "" } = {}) => {
    const headers = {
      Host: host,
      Connection: "close",
      ...(authorization && { Authorization: authorization }),
    };
    const response = await fetch(`http://127.0.0.1:${port}/v2/${path}`, { headers, keepalive: false });
    await response.arrayBuffer();
    return response.status;
  };
  return {
    instances,
    users,
    workers,
    failing,
    logged,
    traffic,
    port,
    status,
    client: new RegistryClient(port, "app"),
  };
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;
}

/** How often each answer came. */
function tally(values: readonly number[]): Record<number, number> {
  return Object.fromEntries(
    [...new Set(values)].map((value) => [value, values.filter((v) => v === value).length]),
  );
}

test("a change of users or registries takes effect on every thread with the next request", async () => {
  const { instances, users, status, client } = await start();
  await client.pushImage("v1");
  const all = async (host?: string) =>
    tally(
      await Promise.all(
        Array.from({ length: MANY }, () => status("app/manifests/v1", host === undefined ? {} : { host })),
      ),
    );
  for (let i = 0; i < 5; i++) {
    expect(await all()).toEqual({ 401: MANY });
    await users.grant(SYSTEM_IDENTITY, ANONYMOUS, EVERYWHERE, "reader");
    expect(await all()).toEqual({ 200: MANY });
    expect(await all("other.test")).toEqual({ 404: MANY });
    const other = { ...DEFAULT, name: `other${i}`, vhosts: ["other.test"] } as unknown as InstanceConfig;
    await instances.create(SYSTEM_IDENTITY, other);
    expect(await all("other.test")).toEqual({ 200: MANY });
    await instances.delete(SYSTEM_IDENTITY, other.name);
    expect(await all("other.test")).toEqual({ 404: MANY });
    await users.revoke(SYSTEM_IDENTITY, ANONYMOUS, EVERYWHERE);
  }
}, 20_000);

test("a push through one thread is visible through all", async () => {
  const { client, port } = await start();
  for (let i = 0; i < 20; i++) {
    const { digest } = await client.pushImage("v1");
    const seen = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const response = await new RegistryClient(port, "app").fetch("manifests/v1", {
          headers: { Connection: "close" },
        });
        return digestOf(new Uint8Array(await response.arrayBuffer()));
      }),
    );
    expect(new Set(seen)).toEqual(new Set([digest]));
  }
});

test("an upload continues on any thread, with one chunk at a time", async () => {
  const { client } = await start();
  const bytes = randomBytes(1_000_000);
  const digest = digestOf(bytes);
  for (let round = 0; round < 5; round++) {
    let location = await client.startUpload();
    for (let at = 0; at < bytes.length; at += 100_000) {
      const patched = await client.fetch(location, {
        method: "PATCH",
        body: bytes.slice(at, at + 100_000),
        headers: { Connection: "close" },
      });
      expect(patched.status).toBe(202);
      location = patched.headers.get("Location") ?? "";
    }
    const finished = await client.fetch(`${location}?digest=${digest}`, { method: "PUT" });
    expect(finished.status).toBe(201);
  }

  const location = await client.startUpload();
  let finish = (): void => undefined;
  const slow = client.fetch(location, {
    method: "PATCH",
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        finish = () => controller.close();
      },
    }),
  });
  const isWriting = async () =>
    (await client.fetch(location)).headers.get("Range") === `0-${bytes.length - 1}`;
  expect(await eventually(isWriting)).toBe(true);
  const rivals = await Promise.all(
    Array.from({ length: MANY }, async () => {
      const response = await client.fetch(location, {
        method: "PATCH",
        body: bytes,
        headers: { Connection: "close" },
      });
      return response.status;
    }),
  );
  expect(tally(rivals)).toEqual({ 409: MANY });
  finish();
  expect((await slow).status).toBe(202);
  expect((await client.fetch(`${location}?digest=${digest}`, { method: "PUT" })).status).toBe(201);
}, 20_000);

test("failed logins of all threads count together", async () => {
  const { status } = await start();
  const guesses = Array.from({ length: 12 }, (_, i) => status("", { authorization: basic(`wrong ${i}`) }));
  expect(tally(await Promise.all(guesses))).toEqual({ 401: 10, 429: 2 });
  expect(await status("", { authorization: basic("change-me") })).toBe(429);
}, 20_000);

test("a thread that ends is logged and replaced, and its locks and uploads are released", async () => {
  const { workers, logged, client, status } = await start();
  await client.pushImage("v1");
  const bytes = randomBytes(100_000);
  const location = await client.startUpload();
  const stuck = client
    .fetch(location, {
      method: "PATCH",
      body: new ReadableStream({ start: (controller) => controller.enqueue(bytes) }),
    })
    .catch(() => undefined);
  const isWriting = async () =>
    (await client.fetch(location)).headers.get("Range") === `0-${bytes.length - 1}`;
  expect(await eventually(isWriting)).toBe(true);

  for (const worker of workers.slice())
    worker.postMessage([{ kind: "notice", to: "nonsense", key: [], method: "x", args: [] }]);
  expect(await eventually(() => workers.length === 2 * THREADS)).toBe(true);
  expect(logged.filter((line) => line.includes("an HTTP thread has ended and is replaced"))).toHaveLength(
    THREADS,
  );
  await stuck;
  expect(await eventually(async () => (await status("app/tags/list").catch(() => 0)) === 401)).toBe(true);
  await client.verifyImage("v1");
  const rest = await client.fetch(`${location}?digest=${digestOf(bytes)}`, { method: "PUT" });
  expect(rest.status).toBe(201);
}, 20_000);

test("a thread that the system can't make is tried again", async () => {
  const { workers, logged, failing } = await start();
  failing.spawns = 2;
  workers[0]?.terminate();
  expect(await eventually(() => workers.length === THREADS + 1)).toBe(true);
  expect(logged).toEqual([
    "an HTTP thread has ended and is replaced: it ended without an error",
    ...Array(2).fill("an HTTP thread could not be started: Error: the system made no thread"),
  ]);
}, 20_000);

test("a thread that hangs is logged and replaced, and the others keep serving", async () => {
  const { workers, logged, traffic, client, port } = await start({
    worker: "../../../support/stoppable-http-worker.ts",
    answerTimeoutMs: 1500,
  });
  await client.pushImage("v1");
  const [first] = workers;
  first?.postMessage("stick");
  expect(await eventually(() => workers.length === THREADS + 1)).toBe(true);
  expect(logged).toEqual(["an HTTP thread has ended and is replaced: it has not answered for 1.5 seconds"]);
  expect(traffic.replacedThreads).toBe(1);
  // Whichever thread a new connection comes to, it is answered.
  const statuses = await Promise.all(
    Array.from({ length: MANY }, async () => {
      const fresh = new RegistryClient(port, "app");
      const { status } = await fresh.fetch("manifests/v1", { headers: { Connection: "close" } });
      return status;
    }),
  );
  expect(tally(statuses)).toEqual({ 200: MANY });
}, 20_000);

test("200 changes of other registries and their hosts fail no request to a registry", async () => {
  const { instances, status, client } = await start();
  await client.pushImage("v1");
  let isOver = false;
  const failed: unknown[] = [];
  const pulls = Array.from({ length: 8 }, async () => {
    let count = 0;
    for (; !isOver; count++) await client.verifyImage("v1").catch((error) => failed.push(error));
    return count;
  });
  const other = "other" as InstanceConfig["name"];
  for (let round = 0; round < 50; round++) {
    const config = { ...DEFAULT, name: other, vhosts: ["*.other.test"] } as unknown as InstanceConfig;
    await instances.create(SYSTEM_IDENTITY, config);
    expect(
      await status("app/manifests/v1", { host: "any.other.test", authorization: basic("change-me") }),
    ).toBe(200);
    await instances.set(SYSTEM_IDENTITY, other, { vhosts: ["new.test"] });
    expect(
      await status("app/manifests/v1", { host: "any.other.test", authorization: basic("change-me") }),
    ).toBe(404);
    await instances.set(SYSTEM_IDENTITY, other, { references: "sparse" });
    expect(await status("app/manifests/v1", { host: "new.test", authorization: basic("change-me") })).toBe(
      200,
    );
    await instances.delete(SYSTEM_IDENTITY, other);
    expect(await status("app/manifests/v1", { host: "new.test", authorization: basic("change-me") })).toBe(
      404,
    );
  }
  isOver = true;
  const counts = await Promise.all(pulls);
  expect(failed).toEqual([]);
  expect(Math.min(...counts)).toBeGreaterThan(10);
}, 30_000);

test("a registry that the threads can't read is out of service until they can, and the others keep serving", async () => {
  const { instances, status, client, logged } = await start();
  await client.pushImage("v1");
  const other = "other" as InstanceConfig["name"];
  const config = { ...DEFAULT, name: other, vhosts: ["other.test"] } as unknown as InstanceConfig;
  await instances.create(SYSTEM_IDENTITY, { ...config, store: "other" as InstanceConfig["store"] });
  const answers = async () => {
    const authorization = basic("change-me");
    const hosts = ["localhost", "other.test"];
    return Promise.all(hosts.map((host) => status("", { host, authorization })));
  };
  expect(await answers()).toEqual([200, 200]);
  const served = instances.served.bind(instances);
  instances.served = () =>
    served().map((instance) =>
      instance.config.name === other && instance.location
        ? { ...instance, location: { ...instance.location, id: -1, indexPath: "/nowhere/index.sqlite" } }
        : instance,
    );
  await instances.set(SYSTEM_IDENTITY, other, { references: "sparse" });
  for (let i = 0; i < MANY; i++) expect(await answers()).toEqual([200, 503]);
  expect(logged.filter((line) => line.startsWith("the registry 'other' is out of service on"))).not.toEqual(
    [],
  );
  instances.served = served;
  await instances.set(SYSTEM_IDENTITY, other, { references: "strict" });
  for (let i = 0; i < MANY; i++) expect(await answers()).toEqual([200, 200]);
});
