import { describe, expect, test } from "bun:test";
import type { InstanceConfig } from "../../src/backends/oci-http/settings/instance-config.ts";
import { type Greeted, greeting } from "../../src/commands/greeting.ts";

const LOOPBACK = (port: number) => ({ hostname: "127.0.0.1", port });

function instance(...vhosts: string[]): InstanceConfig {
  return {
    name: "default",
    vhosts,
    store: "everlock-oci-local",
    references: "strict",
    immutable: [],
    cleanup: [],
  } as unknown as InstanceConfig;
}

function server(changes: Partial<Greeted> = {}): Greeted {
  return {
    http: LOOPBACK(8080),
    https: undefined,
    ssh: LOOPBACK(2222),
    ops: undefined,
    fingerprint: "SHA256:abc",
    dataDir: "/srv/data",
    storage: undefined,
    adminName: "admin",
    administrator: { isNew: true, generatedPassword: undefined },
    instances: [instance("localhost")],
    outages: [],
    hasUser: () => false,
    ...changes,
  };
}

/** The commands after "Next:". */
function next(changes: Partial<Greeted>): string[] {
  const [, text = ""] = greeting(server(changes)).split("\n\nNext:\n");
  return text.split("\n").flatMap((line) => line.trim() || []);
}

test("the greeting of a first start has the addresses, the host key's fingerprint and the commands to a first push", () => {
  expect(greeting(server({ administrator: { isNew: true, generatedPassword: "s3cret" } }))).toBe(
    `Everlock is running
  HTTP   127.0.0.1:8080
         registry 'default' at localhost:8080, store 'everlock-oci-local'
  SSH    127.0.0.1:2222, host key SHA256:abc
  data   /srv/data

The administrator 'admin' has the password s3cret
It is shown only once.

Next:
  ssh -p 2222 admin@localhost -t /users add alice
  ssh -p 2222 admin@localhost /users grant alice http/oci/default writer
  podman login --tls-verify=false -u alice localhost:8080
`,
  );
});

test("the greeting of a later start has no hints", () => {
  expect(greeting(server({ administrator: { isNew: false, generatedPassword: undefined } }))).toEndWith(
    "\n  data   /srv/data\n",
  );
});

describe("the hints after the first start", () => {
  test.each<[string, Partial<Greeted>, string]>([
    ["HTTPS", { https: LOOPBACK(8443) }, "podman login -u alice localhost:8443"],
    ["HTTPS on its own port", { https: LOOPBACK(443) }, "podman login -u alice localhost"],
    [
      "a wildcard beside an exact host",
      { instances: [instance("*.example.org", "r.example.org")] },
      "podman login --tls-verify=false -u alice r.example.org:8080",
    ],
    [
      "a wildcard alone",
      { instances: [instance("*.example.org")] },
      "podman login --tls-verify=false -u alice <name>.example.org:8080",
    ],
    [
      "the catch-all host",
      { instances: [instance("*")], http: { hostname: "0.0.0.0", port: 80 } },
      "podman login --tls-verify=false -u alice localhost:80",
    ],
  ])("log in to a host that works, with %s", (_, changes, login) => {
    expect(next(changes).at(-1)).toBe(login);
  });

  test.each<[string, Partial<Greeted>, number]>([
    ["a user alice exists already", { hasUser: (name) => String(name) === "alice" }, 1],
    ["the console is off", { ssh: undefined }, 3],
    ["HTTP is off", { http: undefined }, 2],
    ["there is no registry", { instances: [] }, 1],
    ["both are off", { http: undefined, ssh: undefined }, 2],
  ])("leave out what does not apply when %s", (_, changes, count) => {
    expect(next(changes)).toHaveLength(count);
  });

  test("make the first user on the server's machine when the console is off", () => {
    expect(next({ ssh: undefined })).toEqual([
      "everlock users add alice --data-dir /srv/data",
      "everlock users grant alice http/oci/default writer --data-dir /srv/data",
      "podman login --tls-verify=false -u alice localhost:8080",
    ]);
  });

  test("connect to the address that SSH listens on", () => {
    expect(next({ ssh: { hostname: "10.1.2.3", port: 22 } })[0]).toBe(
      "ssh -p 22 admin@10.1.2.3 -t /users add alice",
    );
  });
});
