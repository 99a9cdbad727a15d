import { describe, expect, test } from "bun:test";
import { startTestServer } from "../../support/test-server.ts";
import { WebClient } from "../../support/web-client.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOWjQbFAT2uhJqJ7qfCSOo5VKdBfgnb2qHNDyFGXqUV4 alice@laptop";

async function start() {
  const { httpPort } = await startTestServer();
  const browser = new WebClient(httpPort);
  await browser.signIn("alice", "change-me");
  const account = (fields: Readonly<Record<string, string>>) => browser.submit("/account", fields);
  const asked = async (method: string, path: string, credentials: string | undefined, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1${path}`, {
      method,
      headers: {
        Host: "localhost",
        ...(credentials !== undefined && { Authorization: `Basic ${btoa(credentials)}` }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : JSON.parse(text) };
  };
  return { httpPort, browser, account, asked };
}

describe("the account page", () => {
  test("shows the user's own grants, and leads others to the sign-in", async () => {
    const { httpPort, browser } = await start();
    const account = await browser.text("/account");
    expect(account).toContain("every registry");
    // The console is off.
    expect(account).toContain("everlock console /access check alice http/oci/default");
    const stranger = await new WebClient(httpPort).fetch("/account");
    expect([stranger.status, stranger.headers.get("Location")]).toEqual([303, "/sign-in?next=%2Faccount"]);
  });

  test("makes an API token, shows it once, and revokes it after a question", async () => {
    const { browser, account, asked } = await start();
    const fields = {
      action: "token-make",
      name: "ci",
      role: "reader",
      repositories: "team/**",
      lifetime: "7d",
    };
    const made = await (await account(fields)).text();
    const [token = "", id = ""] = made.match(/evl_([0-9a-f]{10})_[\w-]{43}/) ?? [];
    expect((await asked("GET", "/repositories", `alice:${token}`)).status).toBe(200);
    const page = await browser.text("/account");
    expect(page).not.toContain(token);
    expect(page).toContain("reader, team/** in the registry default");
    // As by a reload of the page that showed it.
    expect((await account(fields)).status).toBe(409);
    const question = await (await account({ action: "token-revoke", id })).text();
    expect(question).toContain("Revoke the API token ci?");
    expect((await asked("GET", "/repositories", `alice:${token}`)).status).toBe(200);
    const revoked = await account({ action: "token-revoke", id, confirmed: "yes" });
    expect(revoked.headers.get("Location")).toBe("/account?done=token-revoke");
    expect((await asked("GET", "/repositories", `alice:${token}`)).status).toBe(401);
  });

  test("adds and removes an SSH key, and says what is wrong with another text", async () => {
    const { browser, account } = await start();
    expect(await (await account({ action: "key-add", key: "nothing" })).text()).toContain(
      "is not a supported key type",
    );
    await account({ action: "key-add", key: KEY });
    const [fingerprint = ""] = (await browser.text("/account")).match(/SHA256:[\w+/]{43}/) ?? [];
    await account({ action: "key-remove", fingerprint });
    expect(await browser.text("/account")).toContain("alice@laptop");
    await account({ action: "key-remove", fingerprint, confirmed: "yes" });
    expect(await browser.text("/account")).not.toContain("alice@laptop");
  });

  test("changes the password: this session goes on, all others end", async () => {
    const { httpPort, browser, account } = await start();
    const other = new WebClient(httpPort);
    await other.signIn("alice", "change-me");
    const change = (old: string, password: string, again = password) =>
      account({ action: "password", old, password, again });
    expect(await (await change("change-me", "another-one", "typo")).text()).toContain("differ");
    expect(await (await change("wrong", "another-one")).text()).toContain("the old password is wrong");
    expect((await change("change-me", "another-one")).status).toBe(303);
    expect((await browser.fetch("/account")).status).toBe(200);
    const ended = await other.fetch("/account");
    expect([ended.status, ended.headers.get("Location")]).toEqual([
      303,
      "/sign-in?next=%2Faccount&ended=true",
    ]);
    expect(await other.text("/sign-in?next=%2Faccount&ended=true")).toContain("Your session has ended");
    expect((await other.signIn("alice", "another-one", "/account")).headers.get("Location")).toBe("/account");
  });

  test("counts wrong present passwords as failed logins", async () => {
    const { account } = await start();
    const attempts = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        account({ action: "password", old: `wrong${i}`, password: "another-one", again: "another-one" }),
      ),
    );
    expect(attempts.some(({ status }) => status === 429)).toBe(true);
  });
});

describe("the API of the account", () => {
  test("makes and revokes tokens, and keys, with the password", async () => {
    const { asked } = await start();
    const login = "alice:change-me";
    expect((await asked("GET", "/account", login)).json).toMatchObject({
      user: "alice",
      administrator: true,
      grants: [{ path: "*/*/*", role: "owner" }],
    });
    const limit = { path: "http/oci/default/team/**", role: "writer" };
    const { json: made } = await asked("POST", "/account/tokens", login, {
      name: "ci",
      lifetime: "1d",
      limit,
    });
    expect((await asked("GET", "/account/tokens", login)).json).toEqual({
      tokens: [{ id: made.id, name: "ci", expires: expect.any(String), limit }],
    });
    expect((await asked("DELETE", `/account/tokens/${made.id}`, login)).status).toBe(204);
    expect((await asked("DELETE", `/account/tokens/${made.id}`, login)).status).toBe(404);
    const { json: key } = await asked("POST", "/account/keys", login, { key: KEY });
    const address = `/account/keys/${encodeURIComponent(key.fingerprint)}`;
    expect((await asked("DELETE", address, login)).status).toBe(204);
    expect((await asked("GET", "/account/keys", login)).json).toEqual({ keys: [] });
    expect((await asked("POST", "/account/tokens", login, { lifetime: "soon" })).json).toMatchObject({
      status: 400,
      detail: "'soon' is not a lifetime such as 90d",
    });
    const password = { old: "change-me", password: "another-one" };
    expect((await asked("PUT", "/account/password", login, password)).status).toBe(204);
    expect((await asked("GET", "/account", login)).status).toBe(401);
  });

  test("is closed to API tokens, also those without a limit, to Bearer tokens, and to strangers", async () => {
    const { httpPort, asked } = await start();
    const { json } = await asked("POST", "/account/tokens", "alice:change-me", {});
    const token = String(json.token);
    const calls = [
      ["GET", "/account"],
      ["GET", "/account/tokens"],
      ["POST", "/account/tokens", {}],
      ["DELETE", `/account/tokens/${json.id}`],
      ["GET", "/account/keys"],
      ["POST", "/account/keys", { key: KEY }],
      ["DELETE", "/account/keys/SHA256:x"],
      ["PUT", "/account/password", { old: "change-me", password: "another-one" }],
    ] as const;
    for (const [method, path, body] of calls) {
      const refused = await asked(method, path, `alice:${token}`, body);
      expect([path, refused.status, refused.json.detail]).toEqual([
        path,
        403,
        expect.stringContaining("an API token or a Bearer token is not enough"),
      ]);
      expect([path, (await asked(method, path, undefined, body)).status]).toEqual([path, 401]);
    }
    const issued = await fetch(`http://127.0.0.1:${httpPort}/token?service=default`, {
      headers: { Host: "localhost", Authorization: `Basic ${btoa("alice:change-me")}` },
    });
    const { token: bearer } = (await issued.json()) as { token: string };
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/account/tokens`, {
      method: "POST",
      headers: {
        Host: "localhost",
        Authorization: `Bearer ${bearer}`,
        "Content-Type": "application/json",
      },
      body: "{}",
    });
    expect(response.status).toBe(403);
  });
});
