import { expect, test } from "bun:test";
import { digestOf } from "../../src/primitives/digest.ts";
import { addAlice, type Everlock, startEverlock } from "../support/everlock.ts";
import { RegistryClient } from "../support/registry-client.ts";
import { describeWith } from "../support/tools.ts";

const PULL_APP = "repository:app:pull";

async function console(server: Everlock, ...commands: string[]): Promise<void> {
  for (const command of commands) {
    const { code, stderr } = await server.console(command);
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
  }
}

/** Alice may write, anybody may read, and `app:v1` is there. */
async function startOpen(): Promise<Everlock> {
  const server = await startEverlock();
  await addAlice(server);
  await console(server, "/users grant anon http/oci/default reader");
  await new RegistryClient(server.httpPort, "app").pushImage("v1");
  return server;
}

interface TokenAnswer {
  readonly token: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
}

function askToken(server: Everlock, scopes: readonly string[], credentials: string | null = null) {
  const query = new URLSearchParams(scopes.map((scope): [string, string] => ["scope", scope]));
  return new RegistryClient(server.httpPort, "app", credentials).fetch(`/token?${query}`);
}

async function getToken(...args: Parameters<typeof askToken>): Promise<TokenAnswer> {
  const response = await askToken(...args);
  expect(response.status).toBe(200);
  return (await response.json()) as TokenAnswer;
}

function postForm(server: Everlock, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams(form).toString();
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return new RegistryClient(server.httpPort, "app", null).fetch("/token", { method: "POST", body, headers });
}

/** Sends requests with a token in place of credentials. */
function bearer(server: Everlock, token: string, repository = "app") {
  const client = new RegistryClient(server.httpPort, repository, null);
  return (path: string, method = "GET") =>
    client.fetch(path, { method, headers: { Authorization: `Bearer ${token}` } });
}

describeWith(["ssh", "sshpass"], "bearer tokens", () => {
  test("are requested by the challenge if anonymous users may read, and Basic authentication otherwise", async () => {
    const server = await startOpen();
    const anonymous = new RegistryClient(server.httpPort, "app", null);
    const challenge = async (path: string, method = "GET") =>
      (await anonymous.fetch(path, { method, headers: { Host: "localhost:5000" } })).headers.get(
        "WWW-Authenticate",
      );
    const realm = 'Bearer realm="http://localhost:5000/token",service="localhost:5000"';
    for (const host of ["localhost:", "localhost:99999", "localhost.:5000"]) {
      expect((await anonymous.fetch("/v2/", { headers: { Host: host } })).status).toBe(401);
    }
    expect(await challenge("/v2/")).toBe(realm);
    expect(await challenge("blobs/uploads/", "POST")).toBe(`${realm},scope="repository:app:pull,push"`);
    expect(await challenge("manifests/v1", "DELETE")).toBe(`${realm},scope="repository:app:delete"`);
    expect((await anonymous.fetch("manifests/v1")).status).toBe(200);
    await console(server, "/users revoke anon http/oci/default");
    expect(await challenge("/v2/")).toStartWith("Basic ");
    await console(server, "/users grant anon http/oci/default/public/** reader");
    expect(await challenge("/v2/")).toBe(realm);
    expect(await challenge("manifests/v1")).toBe(`${realm},scope="repository:app:pull"`);
  }, 60_000);

  test("grant the part of the requested access that the user has", async () => {
    const server = await startOpen();
    await new RegistryClient(server.httpPort, "other").pushImage("v1");
    const scopes = [
      "repository:app:pull,push,delete repository:new:*",
      "registry:catalog:*",
      "nonsense:x:y",
      "",
    ];
    expect((await getToken(server, scopes, "alice:change-me")).scope).toBe(
      "repository:app:pull,push repository:new:pull,push registry:catalog:*",
    );
    expect((await getToken(server, scopes)).scope).toBe(
      "repository:app:pull repository:new:pull registry:catalog:*",
    );

    const { token, expires_in } = await getToken(server, ["repository:app:pull,push"], "alice:change-me");
    expect(expires_in).toBeLessThanOrEqual(300);
    const app = bearer(server, token);
    expect((await app("/v2/")).status).toBe(200);
    expect((await app("manifests/v1")).status).toBe(200);
    expect((await app("blobs/uploads/", "POST")).status).toBe(202);
    expect((await app("manifests/v1", "DELETE")).status).toBe(403);
    const other = await bearer(server, token, "other")("manifests/v1");
    expect([other.status, other.headers.get("WWW-Authenticate")]).toEqual([
      401,
      expect.stringContaining('scope="repository:other:pull",error="insufficient_scope"'),
    ]);
    expect((await app("/v2/_catalog")).status).toBe(401);

    const anonymous = bearer(server, (await getToken(server, ["repository:app:pull,push"])).token);
    expect((await anonymous("/v2/")).status).toBe(200);
    expect((await anonymous("manifests/v1")).status).toBe(200);
    const refused = await anonymous("blobs/uploads/", "POST");
    expect([refused.status, await refused.text()]).toEqual([
      401,
      expect.stringContaining("log in to push 'app'"),
    ]);
  }, 60_000);

  test("grant the union of all scopes of one repository, whichever way they are sent", async () => {
    const server = await startEverlock();
    await addAlice(server, "owner");
    const form = { grant_type: "password", username: "alice", password: "change-me" };
    const scopes = ["repository:app:pull,push", "repository:app:delete", "repository:app:pull"];
    const answers = [
      await getToken(server, scopes, "alice:change-me"),
      await getToken(server, [scopes.join(" ")], "alice:change-me"),
      (await (await postForm(server, { ...form, scope: scopes.join(" ") })).json()) as TokenAnswer,
    ];
    for (const { token, scope } of answers) {
      expect(scope).toBe("repository:app:pull,push,delete");
      await new RegistryClient(server.httpPort, "app").pushImage("v1");
      const app = bearer(server, token);
      expect((await app("manifests/v1")).status).toBe(200);
      expect((await app("blobs/uploads/", "POST")).status).toBe(202);
      expect((await app("manifests/v1", "DELETE")).status).toBe(202);
    }
  }, 60_000);

  test("cover at most 32 repositories, named as often as a request has room for", async () => {
    const server = await startOpen();
    const names = (count: number) => Array.from({ length: count }, (_, i) => `repository:app${i}:pull`);
    const often = Array.from({ length: 200 }, () => PULL_APP);
    expect((await askToken(server, [...names(31), ...often])).status).toBe(200);
    const refused = await askToken(server, names(33));
    expect([refused.status, await refused.text()]).toEqual([
      400,
      expect.stringContaining("more than 32 repositories"),
    ]);
  }, 60_000);

  test("are not issued for a wrong password, whichever way it is sent", async () => {
    const server = await startOpen();
    for (const credentials of ["alice:wrong", "nobody:change-me", "anon:x"]) {
      const response = await askToken(server, [PULL_APP], credentials);
      expect([response.status, response.headers.get("WWW-Authenticate")]).toEqual([
        401,
        expect.stringContaining("Basic "),
      ]);
    }
    const post = { grant_type: "password", username: "alice", password: "wrong", scope: PULL_APP };
    expect((await postForm(server, post)).status).toBe(401);
    expect((await postForm(server, { grant_type: "refresh_token", refresh_token: "x" })).status).toBe(401);
    expect((await postForm(server, { grant_type: "client_credentials" })).status).toBe(400);
    expect((await postForm(server, { grant_type: "password", password: "x".repeat(70_000) })).status).toBe(
      400,
    );
  }, 60_000);

  test("are issued by OAuth2 as well, with a refresh token that a password change revokes", async () => {
    const server = await startOpen();
    const login = { grant_type: "password", username: "alice", password: "change-me", scope: PULL_APP };
    const first = (await (
      await postForm(server, { ...login, access_type: "offline" })
    ).json()) as TokenAnswer;
    expect((await bearer(server, first.token)("manifests/v1")).status).toBe(200);
    const refresh = {
      grant_type: "refresh_token",
      refresh_token: first.refresh_token ?? "",
      scope: PULL_APP,
    };
    const second = (await (await postForm(server, refresh)).json()) as TokenAnswer;
    expect([second.scope, second.refresh_token]).toEqual([PULL_APP, undefined]);
    expect((await bearer(server, second.token)("manifests/v1")).status).toBe(200);
    // Each kind is good for its own use alone.
    expect((await bearer(server, first.refresh_token ?? "")("manifests/v1")).status).toBe(401);
    expect((await postForm(server, { ...refresh, refresh_token: first.token })).status).toBe(401);
    await console(server, "/users passwd alice another-one");
    expect((await postForm(server, refresh)).status).toBe(401);
  }, 60_000);

  test("are revoked when the user's password or grants change, or anonymous access changes", async () => {
    const server = await startOpen();
    const status = async (token: string) => (await bearer(server, token)("manifests/v1")).status;
    for (const [change, password] of [
      ["/users passwd alice another-one", "another-one"],
      ["/users grant alice http/oci/default owner", "another-one"],
      ["/users revoke anon http/oci/default", "another-one"],
    ] as const) {
      const before = change.includes("passwd") ? "change-me" : password;
      const { token } = await getToken(server, [PULL_APP], `alice:${before}`);
      expect(await status(token)).toBe(200);
      await console(server, change);
      expect(await status(token)).toBe(401);
      expect(await status((await getToken(server, [PULL_APP], `alice:${password}`)).token)).toBe(200);
    }
  }, 60_000);

  test("that were changed or issued for another registry are refused", async () => {
    const server = await startOpen();
    await console(
      server,
      "/oci create second vhost=second.localhost",
      "/users grant alice http/oci/second owner",
    );
    const { token } = await getToken(server, [PULL_APP], "alice:change-me");
    const [header = "", claims = "", signature = ""] = token.split(".");
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const forged = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), sub: "admin" };
    for (const bad of [
      "x",
      "..",
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${header}.${encode(forged)}.${signature}`,
      `${encode({ alg: "none", typ: "JWT" })}.${claims}.`,
      `${encode({ alg: "none", typ: "JWT" })}.${claims}.${signature}`,
      `${token}A`,
      "a".repeat(10_000),
    ]) {
      const response = await bearer(server, bad)("manifests/v1");
      expect([response.status, response.headers.get("WWW-Authenticate")]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ]);
    }
    const elsewhere = await new RegistryClient(server.httpPort, "app", null).fetch("/v2/", {
      headers: { Host: "second.localhost", Authorization: `Bearer ${token}` },
    });
    expect(elsewhere.status).toBe(401);
  }, 60_000);
});

describeWith(["ssh", "sshpass"], "a user without access to a repository", () => {
  test("can't learn whether it exists, read its blobs elsewhere, mount from it, or see it listed", async () => {
    const server = await startOpen();
    await console(
      server,
      "/users revoke anon http/oci/default",
      "/users add bob change-me",
      "/users grant bob http/oci/default/bob/** owner",
    );
    const { layer, digest } = await new RegistryClient(server.httpPort, "secret").pushImage("v1");
    const absent = digestOf(Buffer.from("absent"));
    const bob = (repository: string) => new RegistryClient(server.httpPort, repository, "bob:change-me");
    for (const [path, method] of [
      ["tags/list", "GET"],
      ["manifests/v1", "HEAD"],
      [`manifests/${digest}`, "GET"],
      [`blobs/${layer}`, "GET"],
      [`blobs/${layer}`, "DELETE"],
      [`referrers/${digest}`, "GET"],
      ["blobs/uploads/", "POST"],
    ] as const) {
      const seen = await Promise.all(
        ["secret", "absent"].map(async (repository) => {
          const response = await bob(repository).fetch(path, { method });
          const headers = [...response.headers].filter(([name]) => name !== "date");
          const text = (await response.text()).replaceAll(repository, "<name>");
          return [response.status, text, headers.filter(([name]) => name !== "content-length")];
        }),
      );
      expect(seen[0]).toEqual(seen[1] ?? []);
      expect(seen[0]?.[0]).toBe(403);
    }

    await bob("bob/mine").pushImage("v1");
    expect((await bob("bob/mine").fetch(`blobs/${layer}`)).status).toBe(404);
    for (const from of ["&from=secret", "&from=absent", ""]) {
      for (const blob of [layer, absent]) {
        const mount = await bob("bob/mine").fetch(`blobs/uploads/?mount=${blob}${from}`, {
          method: "POST",
        });
        expect(mount.status).toBe(202);
      }
    }
    const catalog = await bob("bob/mine").fetch("/v2/_catalog");
    expect(await catalog.json()).toEqual({ repositories: ["bob/mine"] });
    const mounted = await bob("bob/other").fetch(
      `blobs/uploads/?mount=${(await bob("bob/mine").pushImage("v2")).layer}`,
      { method: "POST" },
    );
    expect(mounted.status).toBe(201);
  }, 60_000);
});
