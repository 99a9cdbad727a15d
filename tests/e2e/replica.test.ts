import { expect, test } from "bun:test";
import { afterThisTest } from "../support/cleanup.ts";
import { eventually } from "../support/eventually.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { freePort } from "../support/free-port.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith, must } from "../support/tools.ts";

const STORE = "everlock-oci-local";
const EU = "everlock-oci-eu";
const PATIENCE_MS = 60_000;

/** The ids of all commits, the newest first. */
const commits = async (server: Everlock, store: string) =>
  (await must(["git", "-C", await server.repository(store), "log", "--format=%H", "main"]))
    .trim()
    .split("\n");

async function told(server: Everlock, command: string): Promise<string> {
  return (await server.console(command)).stdout;
}

const isComplete = async (server: Everlock) =>
  (await told(server, "/oci list")).includes(": complete, both are at");

/** A proxy that ends each connection after so many bytes of what the server sends, and passes all once it is told to. */
function cuttingProxy(port: number, bytes: number) {
  let isCutting = true;
  const upstreams = new Map<unknown, Bun.Socket<undefined>>();
  const proxy = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      async open(client) {
        let left = bytes;
        const waiting: Uint8Array[] = [];
        client.data = { waiting } as never;
        const upstream = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: {
            data(_, chunk) {
              const part = isCutting ? chunk.subarray(0, left) : chunk;
              left -= part.length;
              client.write(part);
              if (isCutting && left <= 0) client.end();
            },
            close: () => void client.end(),
            error: () => void client.end(),
          },
        }).catch(() => undefined);
        if (!upstream) return void client.end();
        for (const chunk of waiting) upstream.write(chunk);
        upstreams.set(client, upstream as never);
      },
      data(client, chunk) {
        const upstream = upstreams.get(client);
        if (upstream) upstream.write(chunk);
        else (client.data as unknown as { waiting: Uint8Array[] }).waiting.push(chunk);
      },
      close: (client) => void upstreams.get(client)?.end(),
      error: () => undefined,
    },
  });
  afterThisTest(() => proxy.stop(true));
  return { port: proxy.port, passAll: () => (isCutting = false) };
}

const LOGIN = "admin:change-me";
const client = (server: Everlock) => new RegistryClient(server.httpPort, "team/app", LOGIN, "127.0.0.1");
const statusOf = async (server: Everlock, path: string) => (await client(server).fetch(path)).status;

describeWith(["git", "ssh", "sshpass"], "a replica of another server", () => {
  test("has all of it commit for commit, is cut off and catches up, and accepts pushes once it is promoted", async () => {
    const ports = { http: freePort(), ssh: freePort() };
    let primary = await startEverlock({ ports });
    const token = JSON.parse(
      await told(primary, "/users token add admin name=eu path=http/oci/default role=reader --json"),
    ) as { token: string };
    const { layer } = await client(primary).pushImage("v1", 3_000_000);
    const proxy = cuttingProxy(ports.http, 1_000_000);
    let replica = await startEverlock();
    const { dataDir } = replica;
    const created = await replica.console(
      `/oci create eu vhost=127.0.0.1 upstream=http://127.0.0.1:${proxy.port} upstream-store=default follow=all`,
    );
    expect(created.stderr).toBe("");
    await eventually(
      async () => (await told(replica, "/oci list")).includes("it wants credentials for the history"),
      PATIENCE_MS,
    );
    await replica.console("/oci credential eu admin", `${token.token}\n`);
    await eventually(() => isComplete(replica), PATIENCE_MS);
    expect([await statusOf(replica, "manifests/v1"), await statusOf(replica, `blobs/${layer}`)]).toEqual([
      200, 200,
    ]);
    proxy.passAll();

    await client(primary).pushImage("v2");
    await client(primary).fetch("manifests/v1", { method: "DELETE" });
    await eventually(async () => (await statusOf(replica, "manifests/v1")) === 404, PATIENCE_MS);
    expect(await statusOf(replica, "manifests/v2")).toBe(200);
    const refused = await client(replica).fetch("blobs/uploads/", { method: "POST" });
    expect(refused.status).toBe(405);
    expect(await refused.text()).toContain("is a replica of");

    await replica.end("SIGKILL");
    await client(primary).pushImage("v3");
    await primary.end("SIGKILL");
    replica = await startEverlock({ dataDir });
    await eventually(
      async () => (await told(replica, "/oci list")).includes("can't follow for now"),
      PATIENCE_MS,
    );
    primary = await startEverlock({ ports, dataDir: primary.dataDir });
    await client(primary).pushImage("v4");
    await eventually(() => isComplete(replica), PATIENCE_MS);
    expect(await statusOf(replica, "manifests/v4")).toBe(200);
    expect(await commits(replica, EU)).toEqual(await commits(primary, STORE));
    expect((await must(["git", "-C", await replica.repository(EU), "fsck"])).trim()).toBe("");

    expect((await replica.console("/oci promote eu")).stdout).toContain("it accepts pushes");
    await client(replica).pushImage("v5");
    const follow = `/oci set default upstream=http://127.0.0.1:${replica.httpPort} follow=all --yes`;
    expect((await primary.console(follow)).stderr).toBe("");
    await primary.console("/oci credential default admin", "change-me\n");
    await eventually(() => isComplete(primary), PATIENCE_MS);
    expect(await statusOf(primary, "manifests/v5")).toBe(200);
    expect(await commits(primary, STORE)).toEqual(await commits(replica, EU));
  }, 240_000);

  test("is given the history only by the login of a user who owns the registry", async () => {
    const primary = await startEverlock();
    await addAlice(primary);
    const fetched = async (credentials: string | null, path: string) => {
      const headers = credentials
        ? { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }
        : undefined;
      const url = `http://127.0.0.1:${primary.httpPort}/v2/_everlock/replica/${path}`;
      return fetch(url, { ...(headers && { headers }) });
    };
    const { layer } = await client(primary).pushImage("v1");
    for (const path of ["history", `blobs/${layer}`]) {
      expect((await fetched(null, path)).status).toBe(401);
      expect((await fetched("alice:change-me", path)).status).toBe(403);
      expect((await fetched(LOGIN, path)).status).toBe(200);
      const elsewhere = await fetched(LOGIN, `${path}?registry=team`);
      expect([elsewhere.status, await elsewhere.text()]).toEqual([
        404,
        expect.stringContaining("the registry at this host is 'default', not 'team'"),
      ]);
    }
    expect((await fetched(LOGIN, "history?have=nothing")).status).toBe(400);
    expect((await fetched(LOGIN, `history?have=${"0".repeat(64)}`)).status).toBe(409);
  });
});
