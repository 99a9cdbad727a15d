import { expect, test } from "bun:test";
import { OciInstance } from "../../../../src/backends/oci-http/instances/instance.ts";
import { InstanceOutOfService } from "../../../../src/backends/oci-http/instances/instance-out-of-service.ts";
import { InstanceTable } from "../../../../src/backends/oci-http/instances/instance-table.ts";
import type { MirrorCalls } from "../../../../src/backends/oci-http/mirror/mirror-calls.ts";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import type { StoreView } from "../../../../src/backends/oci-http/store/store-view.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";

const VIEW = {} as StoreView;

function configOf(name: string, ...vhosts: readonly string[]): InstanceConfig {
  return { name, vhosts, proxies: [], nsVhosts: [] } as unknown as InstanceConfig;
}

const newTable = () => new InstanceTable(() => new UserDirectory([]), {} as MirrorCalls);

test("a table of instances leads from each virtual host to its instance", () => {
  const table = newTable();
  table.replace([
    { config: configOf("one", "a.test", "b.test"), view: VIEW },
    { config: configOf("two", "c.test"), view: VIEW },
  ]);
  const names = [...table.hosts].map(([host, instance]) => [host, instance.config.name] as const);
  expect(names.map(([host, name]) => `${host}=${name}`)).toEqual(["a.test=one", "b.test=one", "c.test=two"]);
});

test("the names of the loopback interface stand for each other only while there is one registry", () => {
  const table = newTable();
  const one = { config: configOf("one", "localhost", "a.test"), view: VIEW };
  table.replace([one]);
  expect([...table.hosts.keys()].toSorted()).toEqual(["127.0.0.1", "[::1]", "a.test", "localhost"]);
  table.replace([one, { config: configOf("two", "b.test"), view: VIEW }]);
  expect([...table.hosts.keys()]).toEqual(["localhost", "a.test", "b.test"]);
  table.replace([{ config: configOf("one", "a.test"), view: VIEW }]);
  expect([...table.hosts.keys()]).toEqual(["a.test"]);
});

test("an instance that did not change stays the same object when the table is replaced", () => {
  const table = newTable();
  table.replace([
    { config: configOf("one", "a.test"), view: VIEW },
    { config: configOf("two", "b.test"), view: VIEW },
  ]);
  const [one, two] = [table.hosts.get("a.test"), table.hosts.get("b.test")];
  table.replace([
    { config: configOf("one", "a.test"), view: VIEW },
    { config: configOf("two", "c.test"), view: VIEW },
  ]);
  expect(table.hosts.get("a.test")).toBe(one as OciInstance);
  expect(table.hosts.get("b.test")).toBeUndefined();
  expect(table.hosts.get("c.test")).not.toBe(two as OciInstance);
});

test("an instance without a view answers 503 at its hosts until it has one", async () => {
  const table = newTable();
  const config = configOf("one", "a.test");
  table.replace([{ config, view: undefined }]);
  const out = table.hosts.get("a.test");
  if (!(out instanceof InstanceOutOfService)) throw new Error("it is in service");
  const response = await out.handle();
  expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "30"]);
  table.replace([{ config, view: VIEW }]);
  expect(table.hosts.get("a.test")).toBeInstanceOf(OciInstance);
});

test("a table is settled once no instance that was replaced handles a request", async () => {
  const table = newTable();
  table.replace([{ config: configOf("one", "a.test"), view: VIEW }]);
  const old = table.hosts.get("a.test");
  if (!(old instanceof OciInstance)) throw new Error("it is out of service");
  const { promise: idle, resolve } = Promise.withResolvers<void>();
  old.idle = () => idle;
  table.replace([]);
  let isSettled = false;
  const settled = table.settled().then(() => {
    isSettled = true;
  });
  await Promise.resolve();
  expect(isSettled).toBe(false);
  resolve();
  await settled;
});
