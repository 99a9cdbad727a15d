import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { InstanceConfig } from "../../src/backends/oci-http/settings/instance-config.ts";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { UsageError } from "../../src/config/settings.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

function configFile(text: string): string {
  const path = `${temporaryDirectory()}/everlock.toml`;
  writeFileSync(path, text);
  return path;
}

describe("a setting", () => {
  test("comes from the flag, then the environment, then the file, then the default", () => {
    const file = configFile(
      'data-dir = "from-file"\nadmin-user = "from-file"\nbackend-oci-http-store = "from-file"',
    );
    const environment = {
      EVERLOCK_CONFIG: file,
      EVERLOCK_DATA_DIR: "from-env",
      EVERLOCK_ADMIN_USER: "from-env",
    };
    const config = resolveServerConfig(["--data-dir", "from-flag"], environment);
    expect(config.dataDir).toBe("from-flag");
    expect(config.admin.name).toBe("from-env" as typeof config.admin.name);
    expect(String(config.instances?.(undefined)[0]?.store)).toBe("from-file");
    expect(config.http?.settings.listen).toEqual({ hostname: "127.0.0.1", port: 8080 });
  });

  test("can be given as --name value, --name=value, --name and --no-name", () => {
    const { http, ssh } = resolveServerConfig(
      ["--no-backend-admin-ssh", "--frontend-http-listen-http=[::1]:80"],
      {},
    );
    expect([http?.settings.listen, ssh]).toEqual([{ hostname: "::1", port: 80 }, undefined]);
    expect(resolveServerConfig(["--frontend-http=false"], {}).http).toBeUndefined();
    expect(resolveServerConfig(["--no-frontend-http=false"], {}).http).toBeDefined();
  });

  test("with a list value can be given several times, with commas in the environment, and as an array in the file", () => {
    const vhosts = (args: string[], environment = {}) =>
      resolveServerConfig(args, environment).instances?.(undefined)[0]?.vhosts;
    expect(vhosts(["--backend-oci-http-vhost", "a.test", "--backend-oci-http-vhost=B.test"])).toEqual([
      "a.test",
      "b.test",
    ]);
    expect(vhosts([], { EVERLOCK_BACKEND_OCI_HTTP_VHOST: "a.test, b.test" })).toEqual(["a.test", "b.test"]);
    expect(vhosts(["--config", configFile('backend-oci-http-vhost = ["a.test", "b.test"]')])).toEqual([
      "a.test",
      "b.test",
    ]);
  });
});

test.skipIf(process.platform !== "linux")("HTTP has one thread per core, or as many as configured", () => {
  const workers = (...args: string[]) => resolveServerConfig(args, {}).http?.workers;
  expect(workers()).toBe(availableParallelism());
  expect(workers("--http-workers", "3")).toBe(3);
  for (const wrong of ["0", "-1", "1.5", "257", "many"])
    expect(() => workers(`--http-workers=${wrong}`)).toThrow(
      new UsageError(`--http-workers must be a number from 1 to 256, not '${wrong}'`),
    );
});

describe("a configuration file", () => {
  test("can contain counts with and without quotation marks", () => {
    const connections = (text: string) =>
      resolveServerConfig(["--config", configFile(text)], {}).http?.settings.connectionsPerAddress;
    expect(connections("limit-connections = 50")).toBe(50);
    expect(connections('limit-connections = "50"')).toBe(50);
  });

  test.each([
    ['nonsense = "x"', "unknown setting 'nonsense'"],
    ["data-dir = 3", "'data-dir' must be a string"],
    ['frontend-http = "yes"', "'frontend-http' must be true or false"],
    ["limit-connections = true", "'limit-connections' must be a number"],
    ["http-workers = 1.5", "--http-workers must be a number from 1 to 256, not '1.5'"],
    ["data-dir = \n", "line 1: "],
  ])("with %p is refused", (text, message) => {
    const path = configFile(text);
    expect(() => resolveServerConfig(["--config", path], {})).toThrow(UsageError);
    expect(() => resolveServerConfig(["--config", path], {})).toThrow(message);
  });
});

describe("the registry 'default'", () => {
  const stored: InstanceConfig = {
    name: "default" as InstanceConfig["name"],
    vhosts: ["kept.test"],
    store: "kept" as InstanceConfig["store"],
    references: "sparse",
    immutable: [],
    cleanup: [],
  };
  const instances = (args: string[], configs: InstanceConfig[] | undefined) =>
    resolveServerConfig(args, {}).instances?.(configs);

  test("is created at the first start, and not again after it was deleted", () => {
    expect(instances([], undefined)).toMatchObject([{ name: "default", vhosts: ["localhost"] }]);
    expect(instances([], [])).toEqual([]);
    expect(instances(["--backend-oci-http-vhost", "a.test"], [])).toMatchObject([{ vhosts: ["a.test"] }]);
  });

  test("keeps its stored settings, except for those given by flags", () => {
    expect(instances([], [stored])).toEqual([stored]);
    const flags = ["--backend-oci-http-vhost", "a.test", "--backend-oci-http-references", "strict"];
    expect(instances(flags, [stored])).toEqual([
      { ...stored, vhosts: ["a.test", "kept.test"], references: "strict" },
    ]);
  });
});
