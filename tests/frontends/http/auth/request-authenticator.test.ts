import { describe, expect, test } from "bun:test";
import { RequestAuthenticator } from "../../../../src/frontends/http/auth/request-authenticator.ts";
import type { HttpBackend } from "../../../../src/frontends/http/requests/http-backend.ts";
import { apiTokenHash, makeApiToken } from "../../../../src/primitives/users/api-token.ts";
import { Authenticator } from "../../../../src/primitives/users/authenticator.ts";
import type { PasswordVerdict } from "../../../../src/primitives/users/password-checker.ts";
import { TokenAuthority } from "../../../../src/primitives/users/token-authority.ts";
import { TokenSigner } from "../../../../src/primitives/users/token-signer.ts";
import { ANONYMOUS, type User, type UserName } from "../../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";
import { RegistryError } from "../../../../src/registry/requests/errors.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

const ALICE = "alice" as UserName;
const HASH = "$argon2id$of-the-right-one";
const API_TOKEN = makeApiToken();
const ENDS = 4_000_000_000;

const alice: User = {
  name: ALICE,
  displayName: "Alice",
  isDisabled: false,
  credentials: [
    { kind: "password", hash: HASH },
    {
      kind: "api-token",
      id: API_TOKEN.id,
      name: "ci",
      hash: apiTokenHash(API_TOKEN.text) ?? "",
      expires: ENDS,
      limit: { path: "http/oci/default/team" as never, role: "reader" },
    },
  ],
  grants: [],
};

function start() {
  let verdict: PasswordVerdict | undefined;
  const checked: (readonly unknown[])[] = [];
  const users = new UserDirectory([alice]);
  const check = async (
    ...args: readonly [string, string, string, string | undefined]
  ): Promise<PasswordVerdict> => {
    checked.push(args);
    if (verdict) return verdict;
    return args[0] === "alice" && args[1] === "right" ? { kind: "matches", hash: HASH } : { kind: "refused" };
  };
  const tokens = new TokenAuthority(new TokenSigner(randomBytes(32)), () => users);
  const authenticator = new RequestAuthenticator(
    new Authenticator(
      () => users,
      check,
      () => undefined,
    ),
    tokens,
  );
  const backend = {
    audience: "default",
    challenge: (_origin: string, _scope: unknown, fault?: string) => `Bearer fault=${fault}`,
  } as Partial<HttpBackend> as HttpBackend;
  const ask = async (authorization: string | undefined, address = "192.0.2.1") => {
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const routed = {
      request: new Request("http://localhost/v2/", { headers }),
      backend,
      base: "http://localhost",
      remote: () => address,
    };
    return authenticator.principal(routed as never, () => "Basic challenge");
  };
  return {
    ask,
    checked,
    tokens,
    answer: (next: PasswordVerdict) => {
      verdict = next;
    },
  };
}

const basic = (login: string, password: string) => `Basic ${btoa(`${login}:${password}`)}`;

function faultOf(answer: unknown): readonly [number, string, Readonly<Record<string, string>>] {
  if (!(answer instanceof RegistryError)) throw new Error(`no error but ${JSON.stringify(answer)}`);
  return [answer.status, answer.message, answer.headers];
}

describe("the principal of a request", () => {
  test("is anon without credentials, or with empty ones", async () => {
    const { ask, checked } = start();
    expect(await ask(undefined)).toEqual({ user: ANONYMOUS });
    expect(await ask(basic("", ""))).toEqual({ user: ANONYMOUS });
    expect(checked).toEqual([]);
  });

  test("is the user of the password, which is compared once and then cached", async () => {
    const { ask, checked } = start();
    for (let i = 0; i < 3; i++) expect(await ask(basic("alice", "right"))).toMatchObject({ user: ALICE });
    expect(checked).toEqual([["alice", "right", "192.0.2.1", "the registry 'default'"]]);
  });

  test("is the user of the API token, limited to the token's grants", async () => {
    const { ask, checked, answer } = start();
    answer({ kind: "limited", retryAfterSeconds: 60 });
    expect(await ask(basic("alice", API_TOKEN.text))).toEqual({
      user: ALICE,
      limit: { path: "http/oci/default/team" as never, role: "reader" },
      isApiToken: true,
      ends: ENDS,
    });
    expect(checked).toEqual([]);
  });

  test("is the user that a Bearer token names", async () => {
    const { ask, tokens } = start();
    const { token } = tokens.issueAccess(ALICE, "default", []);
    expect(await ask(`Bearer ${token}`)).toMatchObject({ user: ALICE });
    expect(await ask(`bearer  ${token} `)).toMatchObject({ user: ALICE });
  });
});

describe("a client that fails to authenticate", () => {
  test("gets a 401 challenge, the same for a wrong password and an unknown user", async () => {
    const { ask } = start();
    const wrong = faultOf(await ask(basic("alice", "wrong")));
    expect(wrong).toEqual([401, "wrong user name or password", { "WWW-Authenticate": "Basic challenge" }]);
    expect(faultOf(await ask(basic("nobody", "right")))).toEqual(wrong);
    expect(faultOf(await ask(basic("No User!", "right")))).toEqual(wrong);
  });

  test("learns when it may try again after too many wrong passwords", async () => {
    const { ask, answer } = start();
    answer({ kind: "limited", retryAfterSeconds: 6 });
    expect(faultOf(await ask(basic("alice", "right")))).toEqual([
      429,
      "too many failed logins; try again in 6 seconds",
      { "Retry-After": "6" },
    ]);
  });

  test("does not lock out clients whose login is cached", async () => {
    const { ask, answer } = start();
    await ask(basic("alice", "right"), "192.0.2.1");
    answer({ kind: "limited", retryAfterSeconds: 42 });
    expect(faultOf(await ask(basic("alice", "wrong"), "203.0.113.1"))[0]).toBe(429);
    expect(faultOf(await ask(basic("alice", "right"), "203.0.113.1"))[0]).toBe(429);
    expect(await ask(basic("alice", "right"), "192.0.2.1")).toMatchObject({ user: ALICE });
  });

  test("learns from the message what is wrong with the header or the token", async () => {
    const { ask, tokens, checked } = start();
    for (const header of [
      "",
      "Basic",
      "Basic !!!",
      `Basic ${btoa("no colon")}`,
      "Digest x",
      "Bearer",
      "Bearer a b",
    ])
      expect([header, faultOf(await ask(header))[0]]).toEqual([header, 401]);
    const other = tokens.issueAccess(ALICE, "other", []).token;
    for (const token of [other, "x.y.z", tokens.issueRefresh(ALICE, "default")])
      expect(faultOf(await ask(`Bearer ${token}`))[2]).toEqual({
        "WWW-Authenticate": "Bearer fault=invalid_token",
      });
    expect(checked).toEqual([]);
  });
});
