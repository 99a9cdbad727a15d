import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { containerTools } from "../support/containers.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_PASSWORD, addAlice, type Everlock, sshRun, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith, must } from "../support/tools.ts";

const STORE = "everlock-oci-local";

async function console(server: Everlock, command: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

async function headOf(server: Everlock): Promise<string> {
  return (await must(["git", "-C", await server.repository(STORE), "rev-parse", "HEAD"])).trim();
}

describeWith(["git", "podman", "skopeo", "ssh", "sshpass"], "a registry at a past state", () => {
  test("serves the content of that time, refuses changes, and is the same after a restart", async () => {
    const first = await startEverlock();
    await addAlice(first, "owner");
    await console(first, "/users grant alice http/oci/frozen owner");
    const tools = containerTools();
    const [before, after] = [makeLayout(), makeLayout()];
    const push = ({ dir }: { dir: string }) =>
      tools.must(
        "skopeo",
        ...["copy", "-q", "--dest-tls-verify=false", "--dest-creds", "alice:change-me"],
        ...[`oci:${dir}:image`, `docker://${first.registry}/app:prod`],
      );
    await push(before);
    const commit = await headOf(first);
    await push(after);
    await new RegistryClient(first.httpPort, "later").pushImage("v1");
    expect(
      await console(
        first,
        `/oci create frozen store=everlock-oci-local at=${commit.slice(0, 12)} vhost=frozen.localhost vhost=127.0.0.1`,
      ),
    ).toContain("registry 'frozen' created at frozen.localhost, 127.0.0.1");
    expect(await console(first, "/oci list")).toContain(`at=${commit.slice(0, 12)}`);

    const check = async (server: Everlock) => {
      const headers = { Host: "frozen.localhost" };
      const client = new RegistryClient(server.httpPort, "app");
      const get = (path: string, method = "GET") => client.fetch(path, { method, headers });
      const digestThen = (await get("manifests/prod")).headers.get("Docker-Content-Digest");
      expect(digestThen).toBe(before.digest);
      expect(await client.verifyImage("prod")).toBe(after.digest);
      expect(await (await get("/v2/_catalog")).json()).toEqual({ repositories: ["app"] });
      expect((await get(`manifests/${after.digest}`)).status).toBe(404);
      for (const blob of after.blobs.keys()) expect((await get(`blobs/${blob}`)).status).toBe(404);
      for (const [path, method, allowed] of [
        ["blobs/uploads/", "POST", ""],
        ["manifests/prod", "PUT", "GET, HEAD"],
        ["manifests/prod", "DELETE", "GET, HEAD"],
      ] as const) {
        const refused = await get(path, method);
        expect([refused.status, refused.headers.get("Allow"), await refused.text()]).toEqual([
          405,
          allowed,
          expect.stringContaining(`read-only: it serves the state at the commit ${commit}`),
        ]);
      }
    };
    await check(first);

    // Not every resolver knows names below localhost.
    const image = `127.0.0.1:${first.httpPort}/app:prod`;
    const login = ["--tls-verify=false", "-u", "alice", "-p", "change-me"];
    await tools.must("podman", "login", ...login, `127.0.0.1:${first.httpPort}`);
    await tools.must("podman", "pull", "-q", "--tls-verify=false", image);
    expect(await tools.must("podman", "inspect", "--format", "{{.Digest}}", image)).toBe(
      `${before.digest}\n`,
    );
    expect((await tools.run("podman", "push", "--tls-verify=false", image)).stderr).toContain("read-only");

    await first.end("SIGTERM");
    const second = await startEverlock({ dataDir: first.dataDir });
    await check(second);
    const stores = second.nodes.map(({ dataDir }) => `${dataDir}/${STORE}`);
    for (const store of stores) expect(existsSync(`${store}/index-at-${commit}.sqlite`)).toBe(true);
    await console(second, "/oci delete frozen --yes");
    const isForgotten = (store: string) => !readdirSync(store).some((name) => name.startsWith("index-at-"));
    expect(await eventually(() => stores.every(isForgotten))).toBe(true);
  }, 60_000);

  test("requires a store and a moment that exists in its history", async () => {
    const server = await startEverlock();
    for (const [settings, expected, message] of [
      ["at=2h", 2, "requires the store whose state it serves"],
      ["store=nowhere at=2h", 5, "there is no store 'nowhere'"],
      ["store=everlock-oci-local at=0123456789", 5, "no commit matches '0123456789'"],
      ["store=everlock-oci-local at=soon", 2, "'soon' is no point in time"],
    ] as const) {
      const { code, stderr } = await server.console(`/oci create past vhost=past.localhost ${settings}`);
      expect([code, stderr]).toEqual([expected, expect.stringContaining(message)]);
    }
    expect(await console(server, "/oci list")).not.toContain("past");
  });

  test("shows on the console nothing of what came later", async () => {
    const server = await startEverlock();
    await addAlice(server, "owner");
    const app = new RegistryClient(server.httpPort, "app");
    await app.pushImage("then");
    const at = await headOf(server);
    await app.pushImage("later");
    await new RegistryClient(server.httpPort, "secret").pushImage("v1");
    expect((await app.fetch("manifests/then", { method: "DELETE" })).status).toBe(202);
    const newest = await headOf(server);
    await console(server, `/oci create past store=everlock-oci-local at=${at} vhost=past.localhost`);
    await console(server, "/users add bob change-me");
    await console(server, "/users grant bob http/oci/past reader");
    const bob = (command: string) => sshRun(server.sshPort, "bob", ADMIN_PASSWORD, command);
    expect((await bob("/oci ls past --json")).stdout).toBe('{"repository":"app","tags":1}\n');
    const [tag, ...others] = (await bob("/oci ls past app --json")).stdout.trimEnd().split("\n");
    expect([JSON.parse(tag ?? ""), others]).toEqual([
      expect.objectContaining({ tag: "then", by: "alice" }),
      [],
    ]);
    expect(await bob("/oci ls past secret")).toMatchObject({ code: 5, stdout: "" });
    expect(await bob(`/oci diff past ${newest}`)).toMatchObject({ code: 5, stdout: "" });
    expect(await bob(`/oci show past ${newest}`)).toMatchObject({ code: 5, stdout: "" });
    const log = (await bob("/oci log past --json")).stdout;
    expect(
      log
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).subject),
    ).toEqual(["push app:then"]);
    expect((await bob(`/oci diff past ${at}`)).stdout).toContain("nothing differs");
    expect((await console(server, "/oci log default --json")).trimEnd().split("\n")).toHaveLength(4);
  });
});
