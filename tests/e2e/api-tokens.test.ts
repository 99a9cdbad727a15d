import { expect, test } from "bun:test";
import { containerTools } from "../support/containers.ts";
import { eventually } from "../support/eventually.ts";
import { type Everlock, sshRun, startEverlock } from "../support/everlock.ts";
import { makeLayout } from "../support/oci-layout.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

async function console(server: Everlock, command: string): Promise<string> {
  const { code, stdout, stderr } = await server.console(command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

async function start(...grants: string[]): Promise<Everlock> {
  const server = await startEverlock();
  await console(server, "/users add alice change-me");
  for (const grant of grants) await console(server, `/users grant alice ${grant}`);
  return server;
}

async function addToken(server: Everlock, ...words: string[]): Promise<{ id: string; token: string }> {
  return JSON.parse(await console(server, `/users token add alice ${words.join(" ")} --json`));
}

const statusOf = (server: Everlock, token: string, repository = "app") =>
  new RegistryClient(server.httpPort, repository, `alice:${token}`)
    .fetch("tags/list")
    .then(({ status }) => status);

describeWith(["ssh", "sshpass"], "an API token", () => {
  test.concurrent("pulls and pushes until it is removed or expires, and never opens the console", async () => {
    let server = await start("http/oci/default writer");
    const { id, token } = await addToken(server, "name=ci");
    expect(token).toMatch(/^evl_[0-9a-f]{10}_[A-Za-z0-9_-]{43}$/);
    await new RegistryClient(server.httpPort, "app", `alice:${token}`).pushImage("v1");
    expect(await statusOf(server, token)).toBe(200);
    expect((await sshRun(server.sshPort, "alice", token, "/help")).code).not.toBe(0);
    expect(await console(server, "/users token list alice")).toMatch(
      new RegExp(`^ {2}${id}  ci +never`, "m"),
    );
    const [unused] = (await console(server, "/users token add alice --json")).split("\n");
    const lastUses = async (of: Everlock) =>
      (await console(of, "/users token list alice --json"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).lastUsed as string | undefined);
    const used = await lastUses(server);
    expect(Math.abs(Date.parse(used[0] ?? "") - Date.now())).toBeLessThan(60_000);
    expect([unused === "", used[1]]).toEqual([false, undefined]);
    await server.end();
    server = await startEverlock({ dataDir: server.dataDir });
    expect(await lastUses(server)).toEqual(used);
    const wrong = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    expect(await statusOf(server, wrong)).toBe(401);
    expect((await sshRun(server.sshPort, "alice", "change-me", "/users list")).code).toBe(0);

    const short = await addToken(server, "expires=2s");
    expect(await statusOf(server, short.token)).toBe(200);
    expect(await eventually(async () => (await statusOf(server, short.token)) === 401)).toBe(true);
    await console(server, `/users token remove alice ${id}`);
    expect(await statusOf(server, token)).toBe(401);
  }, 60_000);

  test.concurrent("grants no more than its limit, with Basic authentication and at the token endpoint", async () => {
    const server = await start("http/oci/default owner");
    await console(server, "/users grant anon http/oci/default/public/** reader");
    const { token } = await addToken(server, "path=http/oci/default/team/**", "role=writer");
    const request = (repository: string, init: RequestInit = {}, path = "tags/list") =>
      new RegistryClient(server.httpPort, repository, `alice:${token}`)
        .fetch(path, init as RequestInit & { headers?: Record<string, string> })
        .then(({ status }) => status);
    await new RegistryClient(server.httpPort, "team/app").pushImage("v1");
    await new RegistryClient(server.httpPort, "other").pushImage("v1");
    await new RegistryClient(server.httpPort, "public/app").pushImage("v1");
    expect(await request("team/app")).toBe(200);
    expect(await request("team/app", { method: "POST" }, "blobs/uploads/")).toBe(202);
    expect(await request("team/app", { method: "DELETE" }, "manifests/v1")).toBe(403);
    expect(await request("other")).toBe(403);
    expect(await request("public/app")).toBe(200);
    expect(await request("public/app", { method: "POST" }, "blobs/uploads/")).toBe(403);

    const headers = {
      Authorization: `Basic ${Buffer.from(`alice:${token}`).toString("base64")}`,
      Host: "localhost",
    };
    const scopes = ["repository:team/app:pull,push,delete", "repository:other:pull", "registry:catalog:*"];
    const url = `http://127.0.0.1:${server.httpPort}/token?${scopes.map((scope) => `scope=${scope}`).join("&")}`;
    expect(await (await fetch(url, { headers })).json()).toMatchObject({
      scope: "repository:team/app:pull,push",
    });
    const form = new URLSearchParams({
      grant_type: "password",
      username: "alice",
      password: token,
      access_type: "offline",
      service: "x",
    });
    const answer = await fetch(`http://127.0.0.1:${server.httpPort}/token`, {
      method: "POST",
      body: form,
      headers: { Host: "localhost" },
    });
    expect([answer.status, Object.hasOwn((await answer.json()) as object, "refresh_token")]).toEqual([
      200,
      false,
    ]);
  }, 60_000);

  test.concurrent("can't be created or removed with wrong arguments, and the error gives the reason", async () => {
    const server = await start();
    await console(server, "/users add bob change-me");
    for (const [command, message] of [
      [
        "/users token add alice path=http/oci/default",
        "a limit requires both path and role: path=<access path> role=<role>",
      ],
      ["/users token add alice expires=soon", "'expires=soon' is not a time such as expires=90d"],
      ["/users token add alice nonsense", "'nonsense' is not name=<words>"],
      ["/users token remove alice 0123456789", "user 'alice' has no API token 0123456789"],
      ["/users token remove alice x", "'x' is no token's id; '/users token list alice' shows them"],
      ["/users token add anon", "'anon' stands for everybody and has no tokens"],
    ] as const)
      expect((await server.console(command)).stderr).toStartWith(`error: ${message}`);
    const other = await sshRun(server.sshPort, "bob", "change-me", "/users token add alice");
    expect(other.stderr).toContain("'bob' is not one");
    expect((await sshRun(server.sshPort, "bob", "change-me", "/users token add bob")).code).toBe(0);
  }, 60_000);
});

describeWith(["podman", "ssh", "sshpass"], "an API token of podman", () => {
  test.concurrent("lets podman push until it is removed", async () => {
    const server = await start("http/oci/default writer");
    const { id, token } = await addToken(server);
    const tools = containerTools();
    const { dir } = makeLayout();
    await tools.must("podman", "login", "--tls-verify=false", "-u", "alice", "-p", token, server.registry);
    await tools.must("podman", "pull", "-q", `oci:${dir}:image`);
    const image = (await tools.must("podman", "images", "-q")).trim();
    const push = () => tools.run("podman", "push", "--tls-verify=false", image, `${server.registry}/app:v1`);
    expect((await push()).code).toBe(0);
    await console(server, `/users token remove alice ${id}`);
    expect((await push()).code).not.toBe(0);
  }, 60_000);
});
