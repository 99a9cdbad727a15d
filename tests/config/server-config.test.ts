import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { InstanceConfig } from "../../src/backends/oci-http/settings/instance-config.ts";
import { completeSettings } from "../../src/backends/oci-http/settings/instance-settings.ts";
import { resolveServerConfig } from "../../src/config/server-config.ts";
import { UsageError } from "../../src/config/settings.ts";
import { unknownVariables } from "../../src/config/sources.ts";
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

describe("a wrong value", () => {
  test.each([
    ["EVERLOCK_GC_GRACE", "soon", "EVERLOCK_GC_GRACE must be a time such as 1d"],
    ["EVERLOCK_BACKEND_OCI_HTTP_REFERENCES", "lax", "EVERLOCK_BACKEND_OCI_HTTP_REFERENCES must be "],
    ["EVERLOCK_ADMIN_PASSWORD", "", "EVERLOCK_ADMIN_PASSWORD: the password is empty"],
  ])("of the environment is refused by the variable's name: %p", (name, value, message) => {
    expect(() => resolveServerConfig([], { [name]: value })).toThrow(message);
  });

  test.each([
    [
      "--frontend-http-listen-http=:8080",
      "write 127.0.0.1:8080 for this machine alone, or 0.0.0.0:8080 for ",
    ],
    [
      "--frontend-http-listen-https=8443",
      "write 127.0.0.1:8443 for this machine alone, or 0.0.0.0:8443 for ",
    ],
    ["--frontend-ssh-listen=localhost", "not 'localhost'; add a port: localhost:<port>"],
    ["--frontend-ops-listen=http://localhost:9090/", "write localhost:9090 without http://"],
    ["--quota-registry=10G", "not '10G'; write 10GiB, or 10GB for powers of 1000"],
    ["--quota-repository=0", "not '0'"],
    ["--frontend-ssh-listen=70000", "not '70000'; a port is 65535 or less"],
    ["--frontend-ssh-listen=[::1]:99999", "not '[::1]:99999'; a port is 65535 or less"],
    ["--gc-every=1h30m", "not '1h30m'; write 90m"],
    ["--stop-timeout=10", "not '10'; add a unit: 10s, 10m, 10h or 10d"],
    ["--quota-repository=64", "not '64'; add a unit: 64MiB, 64GiB, or 64B for bytes"],
    ["--frontend-htpp", "unknown flag --frontend-htpp; did you mean '--frontend-http'?"],
  ])("is refused with what to write: %p", (flag, message) => {
    expect(() => resolveServerConfig([flag], {})).toThrow(message);
  });
});

test("two listeners with one address are refused, and named", () => {
  expect(() =>
    resolveServerConfig(["--frontend-ssh-listen", "[::1]:9000", "--frontend-ops-listen", "[::1]:9000"], {}),
  ).toThrow(
    "--frontend-ssh-listen and --frontend-ops-listen are both [::1]:9000; each needs an address of its own",
  );
  const free = ["--frontend-http-listen-http=127.0.0.1:0", "--frontend-ssh-listen=127.0.0.1:0"];
  expect(() => resolveServerConfig(free, {})).not.toThrow();
  const off = ["--frontend-ssh-listen=127.0.0.1:8080", "--no-frontend-http"];
  expect(() => resolveServerConfig(off, {})).not.toThrow();
});

test("a variable of the environment that looks like a setting and is none is reported", () => {
  const environment = { EVERLOCK_DATADIR: "x", EVERLOCK_DATA_DIR: "y", EVERLOCK_X: "z", EVERLOCKED: "1" };
  expect(unknownVariables(environment)).toEqual([
    "the environment variable EVERLOCK_DATADIR is not a setting and is ignored; did you mean 'EVERLOCK_DATA_DIR'?",
    "the environment variable EVERLOCK_X is not a setting and is ignored",
  ]);
});

describe("a configuration file", () => {
  test("can contain counts with and without quotation marks", () => {
    const connections = (text: string) =>
      resolveServerConfig(["--config", configFile(text)], {}).http?.settings.connectionsPerAddress;
    expect(connections("limit-connections = 50")).toBe(50);
    expect(connections('limit-connections = "50"')).toBe(50);
  });

  test.each([
    ['nonsense = "x"', "1: unknown setting 'nonsense'"],
    ['config = "other.toml"', "1: a file can't name another file with settings"],
    ["backend-oci-http-vhost = []", "1: backend-oci-http-vhost must name a host"],
    ['# a comment\ndata-dri = "x"', "2: unknown setting 'data-dri'; did you mean 'data-dir'?"],
    ['text = """\ndata-dri = 1\n"""\n', "1: unknown setting 'text'"],
    [
      'data-dir = """\ngc-evry = 1\n"""\n  \'gc-evry\' = 1',
      "4: unknown setting 'gc-evry'; did you mean 'gc-every'?",
    ],
    ["\n\n[ server ]\ndata-dir = 'x'", "3: unknown setting 'server'"],
    ["data-dir = 3", "1: data-dir must be a string"],
    ['frontend-http = "yes"', "1: frontend-http must be true or false"],
    ["limit-connections = true", "1: limit-connections must be a number"],
    ["\nhttp-workers = 1.5", "2: http-workers must be a number from 1 to 256, not '1.5'"],
    ["gc-every = 6", "1: gc-every must be a time such as 6h, of up to 24d, or 'never', not '6'"],
    [
      "limit-blob-size = 64",
      "1: limit-blob-size must be a size such as 512MiB or 10GiB, not '64'; add a unit: 64MiB, 64GiB, or 64B for bytes",
    ],
    [
      "\r\nfrontend-ssh-listen = 8081",
      "2: frontend-ssh-listen must be an address such as 127.0.0.1:2222, not '8081'; write 127.0.0.1:8081 for this machine alone, or 0.0.0.0:8081 for every network",
    ],
    [
      "backend-oci-http-vhost = ['a/b']",
      "1: backend-oci-http-vhost must be a host name without port, a wildcard such as *.example.org, or *, not 'a/b'",
    ],
    ['admin-password = ""', "1: admin-password: the password is empty"],
    ["admin-password-file = 'x'\nadmin-password = 'change-me'", "2: admin-password or "],
  ])("with %p is refused, with the line", (text, message) => {
    const path = configFile(text);
    expect(() => resolveServerConfig(["--config", path], {})).toThrow(UsageError);
    expect(() => resolveServerConfig(["--config", path], {})).toThrow(`${path}, line ${message}`);
  });

  test("that is not TOML is refused, with the line", () => {
    const path = configFile("gc-every = '1d'\ndata-dir = \n");
    expect(() => resolveServerConfig(["--config", path], {})).toThrow(`${path}, line 2: `);
  });
});

describe("the registry 'default'", () => {
  const stored: InstanceConfig = {
    name: "default" as InstanceConfig["name"],
    ...completeSettings(
      { vhosts: ["kept.test"], store: "kept" as InstanceConfig["store"], references: "sparse" },
      () => {
        throw new Error("a setting is missing");
      },
    ),
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
