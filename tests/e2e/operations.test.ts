import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import {
  ADMIN_PASSWORD,
  addAlice,
  type Everlock,
  loginAndRun,
  sshRun,
  startEverlock,
} from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const auditsOf = (server: Everlock) =>
  [...server.log().matchAll(/ audit: (\{.*\})$/gm)].map(([, json = ""]) => JSON.parse(json));

describeWith(["ssh", "sshpass"], "an operator", () => {
  test("finds every change and every refused command with its user in the log, and no password", async () => {
    const server = await startEverlock();
    await server.console("/users add alice s3cret-one");
    await server.console("/users list");
    await server.console("/users passwd nobody s3cret-one");
    await sshRun(server.sshPort, "alice", "s3cret-one", "/users grant alice */*/* owner");
    await sshRun(server.sshPort, "alice", "s3cret-one", "/users token list alice");
    expect(await eventually(() => auditsOf(server).length === 3)).toBe(true);
    expect(auditsOf(server)).toEqual([
      { user: "admin", remote: "127.0.0.1", command: "/users add alice ***", outcome: "done" },
      {
        user: "admin",
        remote: "127.0.0.1",
        command: "/users passwd nobody ***",
        outcome: "refused: no user 'nobody'",
      },
      {
        user: "alice",
        remote: "127.0.0.1",
        command: "/users grant alice */*/* owner",
        outcome: expect.stringContaining("requires a system administrator"),
      },
    ]);
    expect(server.log()).not.toContain("s3cret-one");
  });

  test("switches the registries off and on again, also across a restart", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const client = new RegistryClient(server.httpPort, "app");
    await client.pushImage("v1");
    expect((await server.console("/backends list")).stdout).toBe(
      "  oci-http   enabled\n  web        enabled\n  admin-ssh  enabled\n",
    );
    expect((await server.console("/backends disable oci-http")).stdout).toBe(
      "  backend 'oci-http' disabled\n",
    );
    const refused = await client.fetch("manifests/v1");
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "30"]);
    expect((await server.console("/backends disable admin-ssh")).stderr).toInclude("can't disable itself");
    expect((await server.console("/backends disable nothing")).stderr).toInclude(
      "there are oci-http, web, admin-ssh",
    );
    await server.end();
    const again = await startEverlock({ dataDir: server.dataDir });
    const later = new RegistryClient(again.httpPort, "app");
    expect((await later.fetch("manifests/v1")).status).toBe(503);
    expect((await again.console("/backends enable oci-http")).code).toBe(0);
    await later.verifyImage("v1");
  });

  test("gets the server's status once in a script, and updated at a terminal until a key is pressed", async () => {
    const server = await startEverlock();
    await addAlice(server);
    await new RegistryClient(server.httpPort, "app").pushImage("v1");
    const [status] = (await server.console("/status --json")).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(status.http).toMatchObject({ requests: 7, clientErrors: 0, serverErrors: 0, underWay: 0 });
    expect(status.stores).toMatchObject([{ repositories: 1, tags: 1, manifests: 1, commits: 1, uploads: 0 }]);
    const live = Bun.spawn(
      [
        ...["sshpass", "-e", "ssh", "-tt", "-p", String(server.sshPort)],
        ...[
          "-o",
          "StrictHostKeyChecking=no",
          "-o",
          "UserKnownHostsFile=/dev/null",
          "-o",
          "PubkeyAuthentication=no",
        ],
        ...["admin@127.0.0.1", "/status"],
      ],
      { env: { ...process.env, SSHPASS: ADMIN_PASSWORD }, stdin: "pipe", stdout: "pipe", stderr: "ignore" },
    );
    let shown = "";
    const reading = (async () => {
      for await (const chunk of live.stdout) shown += new TextDecoder().decode(chunk);
    })();
    const draws = () => shown.split("up ").length - 1;
    expect(await eventually(() => draws() >= 3)).toBe(true);
    expect(shown).toContain("everlock-oci-local");
    live.stdin.write("q");
    await live.stdin.flush();
    expect(await live.exited).toBe(0);
    await reading;
  });

  test("gets a description and an example of a command from /help", async () => {
    const server = await startEverlock();
    expect((await server.console("/help users grant")).stdout).toBe(
      [
        "/users grant <login> <path> <role>",
        "give a user (or anon: everybody) a role on an access path",
        "it requires a system administrator (owner on */*/*)",
        "the server logs who ran it",
        "",
        "for example:",
        "  /users grant alice http/oci/default writer",
      ]
        .map((line) => (line === "" ? "\n" : `  ${line}\n`))
        .join(""),
    );
    expect((await server.console("/help users nothing")).stderr).toInclude(
      "/users has the verbs list, add, passwd",
    );
  });
});

describeWith(["ssh", "sshpass"], "a client that guesses passwords", () => {
  test("is locked out of both SSH and HTTP, and the error tells for how long", async () => {
    const server = await startEverlock();
    await addAlice(server);
    const guess = (user: string, password: string) =>
      fetch(`http://127.0.0.1:${server.httpPort}/v2/`, {
        headers: { Host: "localhost", Authorization: `Basic ${btoa(`${user}:${password}`)}` },
      });
    const tries = await Promise.all(Array.from({ length: 20 }, (_, i) => guess("alice", `wrong ${i}`)));
    expect(tries.every(({ status }) => status === 401 || status === 429)).toBe(true);
    const locked = await guess("alice", "change-me");
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await locked.text()).toMatch(/too many failed logins; try again in \d+ seconds?/);
    const { code, stderr } = await sshRun(server.sshPort, "alice", "change-me", "/users list", undefined, {
      logLevel: "INFO",
    });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/too many failed logins; try again in \d+ seconds?/);
    // Nobody else is.
    expect((await loginAndRun(server, "/users list")).code).toBe(0);
  }, 60_000);
});
