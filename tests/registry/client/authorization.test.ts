import { expect, test } from "bun:test";
import { parseChallenges } from "../../../src/registry/client/challenge.ts";
import type { UpstreamOptions } from "../../../src/registry/client/upstream-options.ts";
import {
  APP,
  clientOf,
  jsonResponse,
  manifestResponse,
  repository,
  startUpstream,
  type Upstream,
  V1,
} from "./upstream.ts";

const ALICE = () => ({ username: "alice", password: "s3cret" });
const BASIC = `Basic ${Buffer.from("alice:s3cret").toString("base64")}`;

function challenge(text: string): Response {
  return jsonResponse({ errors: [] }, { status: 401, headers: { "WWW-Authenticate": text } });
}

/** An upstream with a token server at `realm`, by default its own; tokens count from `t1`. */
function tokenUpstream(
  options: { realm?: string; token?: object; refuses?: (token: string) => boolean } = {},
) {
  const seen: { tokens: (string | null)[]; scopes: (string | null)[] } = { tokens: [], scopes: [] };
  const upstream: Upstream = startUpstream((request, url) => {
    const authorization = request.headers.get("authorization");
    if (url.pathname === "/token") {
      seen.tokens.push(authorization);
      seen.scopes.push(url.searchParams.get("scope"));
      return jsonResponse({ token: `t${seen.tokens.length}`, ...options.token });
    }
    const token = authorization?.startsWith("Bearer ") ? authorization.slice(7) : undefined;
    if (token === undefined || options.refuses?.(token))
      return challenge(
        `Bearer realm="${options.realm ?? `${upstream.origin}/token`}",service="registry",scope="repository:x:pull"`,
      );
    return manifestResponse();
  });
  return { upstream, seen };
}

test("challenges are read with quoted and plain parameters, several in one header", () => {
  const [basic, bearer] = parseChallenges(
    'Basic realm="a, \\"b\\"", Bearer realm=https://x/token , service="r s",scope=a',
  );
  expect(basic?.scheme).toBe("basic");
  expect(basic?.parameters.get("realm")).toBe('a, "b"');
  expect(bearer?.scheme).toBe("bearer");
  expect(bearer?.parameters.get("service")).toBe("r s");
  expect(parseChallenges(", ,,=")).toEqual([]);
});

test("Basic credentials are sent after a challenge, and with each later request", async () => {
  const seen: (string | null)[] = [];
  const { origin } = startUpstream((request) => {
    seen.push(request.headers.get("authorization"));
    return seen.at(-1) === BASIC ? manifestResponse() : challenge('Basic realm="x"');
  });
  const client = clientOf(origin, { credentials: ALICE });
  expect((await client.getManifest(APP, V1)).kind).toBe("found");
  expect((await client.getManifest(APP, V1)).kind).toBe("found");
  expect(seen).toEqual([null, BASIC, BASIC]);
});

test("an identity token is sent to the token realm alone, by POST as a refresh token", async () => {
  const seen: string[] = [];
  const upstream: Upstream = startUpstream(async (request, url) => {
    const authorization = request.headers.get("authorization");
    seen.push(
      `${request.method} ${url.pathname}${url.search} ${authorization ?? "-"} ${await request.text()}`,
    );
    if (url.pathname === "/token") return jsonResponse({ access_token: "t1" });
    return authorization === "Bearer t1"
      ? manifestResponse()
      : challenge(`Bearer realm="${upstream.origin}/token",service="registry"`);
  });
  const client = clientOf(upstream.origin, { credentials: () => ({ identityToken: "s3+cret" }) });
  expect((await client.getManifest(APP, V1)).kind).toBe("found");
  expect(seen).toEqual([
    "GET /v2/team/app/manifests/v1 - ",
    "POST /token - grant_type=refresh_token&refresh_token=s3%2Bcret&client_id=everlock&service=registry&scope=repository%3Ateam%2Fapp%3Apull",
    "GET /v2/team/app/manifests/v1 Bearer t1 ",
  ]);
});

test("an identity token where upstream wants a password denies in words", async () => {
  const { origin } = startUpstream(() => challenge('Basic realm="x"'));
  const client = clientOf(origin, { credentials: () => ({ identityToken: "s3cret" }) });
  expect(await client.getManifest(APP, V1)).toEqual({
    kind: "denied",
    reason: `upstream ${origin}: it wants a user name and password, and what there is for it is an identity token`,
  });
});

test("an upstream that gives strangers tokens and refuses them wants credentials", async () => {
  const { upstream } = tokenUpstream({ refuses: () => true });
  expect(await clientOf(upstream.origin).getManifest(APP, V1)).toEqual({
    kind: "denied",
    reason: `upstream ${upstream.origin}: it wants credentials for a manifest`,
  });
});

test("an upstream that wants credentials where there are none, or refuses them, denies", async () => {
  const { origin, requests } = startUpstream(() => challenge('Basic realm="x"'));
  expect(await clientOf(origin).getManifest(APP, V1)).toEqual({
    kind: "denied",
    reason: `upstream ${origin}: it wants credentials for a manifest`,
  });
  expect(requests.length).toBe(1);
  expect(await clientOf(origin, { credentials: ALICE }).getManifest(APP, V1)).toEqual({
    kind: "denied",
    reason: `upstream ${origin}: it refuses the credentials for a manifest`,
  });
  expect(requests.length).toBe(3);
});

test("credentials that are refused are asked for again, and newer ones are used", async () => {
  const { origin } = startUpstream((request) =>
    request.headers.get("authorization") === BASIC ? manifestResponse() : challenge('Basic realm="x"'),
  );
  const asked: boolean[] = [];
  const credentials = (wereRefused: boolean) => {
    asked.push(wereRefused);
    return wereRefused ? ALICE() : { username: "alice", password: "old" };
  };
  expect((await clientOf(origin, { credentials }).getManifest(APP, V1)).kind).toBe("found");
  expect(asked).toContain(true);
});

test("a token is asked for with the scope of the repository, shared by requests at once, and kept", async () => {
  const { upstream, seen } = tokenUpstream();
  const client = clientOf(upstream.origin, { credentials: ALICE });
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.getManifest(APP, V1)));
  expect(answers.map(({ kind }) => kind)).toEqual(Array(5).fill("found"));
  await client.getManifest(APP, V1);
  await client.getManifest(repository("other"), V1);
  expect(seen.tokens).toEqual([BASIC, BASIC]);
  expect(seen.scopes).toEqual(["repository:team/app:pull", "repository:other:pull"]);
});

test("without credentials the token is asked for anonymously", async () => {
  const { upstream, seen } = tokenUpstream({ token: { token: undefined, access_token: "abc" } });
  expect((await clientOf(upstream.origin).getManifest(APP, V1)).kind).toBe("found");
  expect(seen.tokens).toEqual([null]);
});

test("a token that has expired, or that upstream refuses, is replaced by a new one", async () => {
  const refused = new Set<string>();
  const { upstream, seen } = tokenUpstream({ refuses: (token) => refused.has(token) });
  const client = clientOf(upstream.origin);
  await client.getManifest(APP, V1);
  refused.add("t1");
  expect((await client.getManifest(APP, V1)).kind).toBe("found");
  expect(seen.tokens.length).toBe(2);
  const brief = tokenUpstream({ token: { expires_in: 0.001 } });
  const other = clientOf(brief.upstream.origin);
  await other.getManifest(APP, V1);
  await Bun.sleep(5);
  await other.getManifest(APP, V1);
  expect(brief.seen.tokens.length).toBe(2);
});

test("a repository that a new token does not open is denied after one token", async () => {
  const { upstream, seen } = tokenUpstream({ refuses: () => true });
  expect((await clientOf(upstream.origin).getManifest(APP, V1)).kind).toBe("denied");
  expect(seen.tokens.length).toBe(1);
});

async function refusalOf(realm: string, options: Partial<UpstreamOptions>): Promise<string> {
  const { upstream } = tokenUpstream({ realm });
  const answer = await clientOf(upstream.origin, options).getManifest(APP, V1);
  if (answer.kind !== "invalid") throw new Error(answer.kind);
  expect(answer.reason).not.toContain("s3cret");
  return answer.reason.slice(`upstream ${upstream.origin}: `.length);
}

test("a realm on another host gets no password", async () => {
  expect(await refusalOf("https://evil.example/token", { credentials: ALICE })).toBe(
    "its token realm https://evil.example is another host, which does not get the password; upstream-realm=https://evil.example allows it",
  );
});

test("a realm on another host that is allowed gets the password, even at a private address", async () => {
  const realm = tokenUpstream();
  const elsewhere = realm.upstream.origin.replace("127.0.0.1", "localhost");
  const { upstream } = tokenUpstream({ realm: `${elsewhere}/token` });
  const options = { credentials: ALICE, realm: elsewhere };
  expect((await clientOf(upstream.origin, options).getManifest(APP, V1)).kind).toBe("found");
  expect(realm.seen.tokens).toEqual([BASIC]);
});

test("a realm at a private address is refused, by number and by name", async () => {
  for (const host of ["127.0.0.1:9", "localhost:9", "169.254.169.254"])
    expect(await refusalOf(`http://${host}/token`, {})).toContain("leads to the private address");
});

test.each(["", "/token", "ftp://x/", "http://u:p@example.org/"])("a realm '%s' is refused", async (realm) => {
  expect(await refusalOf(realm, {})).toMatch(/names no URL to get one from|holds a user name or password/);
});

test.each([
  ["no JSON", () => new Response("<html>")],
  ["no token", () => jsonResponse({ token: 5 })],
  ["a token with a line feed", () => jsonResponse({ token: "a\r\nX: y" })],
  ["an endless response", () => new Response("a".repeat(300_000))],
  ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://evil.example/" } })],
])("a token server that sends %s is refused, with the password going nowhere else", async (_, response) => {
  const upstream: Upstream = startUpstream((_, { pathname }) =>
    pathname === "/token" ? response() : challenge(`Bearer realm="${upstream.origin}/token"`),
  );
  const answer = await clientOf(upstream.origin, { credentials: ALICE }).getManifest(APP, V1);
  expect(answer.kind).toBe("invalid");
});

test("a source of credentials that fails denies, with its message", async () => {
  const { origin } = startUpstream(() => challenge('Basic realm="x"'));
  const credentials = () => Promise.reject(new Error("the credential command exited with 1"));
  expect(await clientOf(origin, { credentials }).getManifest(APP, V1)).toEqual({
    kind: "denied",
    reason: `upstream ${origin}: the credential command exited with 1`,
  });
});
