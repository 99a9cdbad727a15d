import { expect, test } from "bun:test";
import { NamespaceTable } from "../../../../src/backends/oci-http/instances/namespace-table.ts";
import { upstreamFault } from "../../../../src/backends/oci-http/settings/check-upstreams.ts";
import type {
  InstanceConfig,
  InstanceName,
} from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { completeSettings } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";

function configOf(name: string, settings: Partial<InstanceConfig>): InstanceConfig {
  const complete = completeSettings({ store: "everlock-oci-test" as StoreName, ...settings }, () => {
    throw new Error("a setting is missing");
  });
  return { name: name as InstanceName, ...complete };
}

const hub = configOf("hub", { upstream: "https://registry-1.docker.io", nsVhosts: ["mirror.test"] });
const local = configOf("local", { upstream: "http://localhost:5000", nsVhosts: ["*.test"] });
const corp = configOf("corp", { upstream: "https://corp.test", vhosts: ["corp-mirror.test"] });
const below = configOf("below", { upstream: "https://path.test/registry", nsVhosts: ["mirror.test"] });

const table = new NamespaceTable([hub, local, corp, below].map((config) => ({ config })));
const found = (vhost: string, name: string) => table.find(vhost, name)?.config.name as string | undefined;

test.each(["docker.io", "registry-1.docker.io", "index.docker.io", "Docker.io", "registry-1.docker.io:443"])(
  "the name %s selects the mirror of Docker Hub at a host that was set for it",
  (name) => {
    expect(found("mirror.test", name)).toBe("hub");
  },
);

test("a name with a port selects the mirror of the upstream with this port", () => {
  expect(found("mirror.test", "localhost:5000")).toBe("local");
  expect(found("mirror.test", "localhost:5001")).toBeUndefined();
  expect(found("mirror.test", "localhost")).toBeUndefined();
});

test("a mirror is not selected by its upstream at a host that was not set for it", () => {
  expect(found("other.example", "docker.io")).toBeUndefined();
  expect(found("other.test", "docker.io")).toBeUndefined();
  expect(found("mirror.test", "corp.test")).toBeUndefined();
  expect(found("corp-mirror.test", "corp.test")).toBeUndefined();
});

test.each([
  "unknown.test",
  "docker.io/library",
  "user@docker.io",
  "docker.io?x",
  "",
  "::",
  "path.test",
  "x".repeat(1000),
])("the name '%s' selects no registry", (name) => {
  expect(found("mirror.test", name)).toBeUndefined();
});

test("one host can't have two registries for one upstream", () => {
  expect(upstreamFault([hub, local, corp, below])).toBeUndefined();
  const twin = configOf("twin", { upstream: "https://docker.io", vhosts: ["mirror.test"] });
  expect(upstreamFault([hub, { ...twin, upstream: "https://registry-1.docker.io" }])).toBe(
    "the host 'mirror.test' has 'hub' for the upstream https://registry-1.docker.io already",
  );
});
