import { expect, test } from "bun:test";
import type { UpstreamOptions } from "../../../src/registry/client/upstream-options.ts";
import { APP, BLOB, BLOB_DIGEST, clientOf, startUpstream } from "./upstream.ts";

function redirect(location: string): Response {
  return new Response(null, { status: 307, headers: { Location: location } });
}

async function reasonOf(location: string, options: Partial<UpstreamOptions> = {}): Promise<string> {
  const { origin } = startUpstream(() => redirect(location));
  const answer = await clientOf(origin, options).openBlob(APP, BLOB_DIGEST);
  if (answer.kind !== "invalid") throw new Error(`the answer is ${answer.kind}`);
  return answer.reason.slice(`upstream ${origin}: `.length);
}

const REFUSED = "which is refused; upstream-private=allow permits it";

test.each([
  "http://127.0.0.1:9/",
  "http://[::1]:9/",
  "http://0x7f.1:9/",
  "http://169.254.169.254/latest",
  "http://10.0.0.1/",
])("a redirect to %s is refused", async (location) => {
  const { host, hostname } = new URL(location);
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  expect(await reasonOf(location)).toBe(`${host}: leads to the private address ${address}, ${REFUSED}`);
});

test("a redirect to a name that resolves to a private address is refused", async () => {
  expect(await reasonOf("http://localhost:9/")).toBe(
    `localhost:9: leads to the private address localhost, ${REFUSED}`,
  );
});

test("of a name that resolves to public and private addresses, or changes, only checked public ones are connected to", async () => {
  const elsewhere = startUpstream(() => new Response("secret"));
  const answers = [["127.0.0.1", "::ffff:127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]];
  const resolve = async () => answers.shift() ?? ["127.0.0.1"];
  for (let i = 0; i < 4; i++)
    expect(await reasonOf(`http://rebound.example:${elsewhere.port}/`, { resolve })).toContain(
      "private address",
    );
  expect(elsewhere.requests).toEqual([]);
});

test("a redirect to a private address is followed where that is allowed, without the credentials", async () => {
  const authorizations: (string | null)[] = [];
  const storage = startUpstream((request) => {
    authorizations.push(request.headers.get("authorization"));
    return new Response(new Uint8Array(BLOB));
  });
  const { origin } = startUpstream((request) =>
    request.headers.get("authorization") === null
      ? new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } })
      : redirect(`${storage.origin}/signed?X-Signature=secret`),
  );
  const credentials = () => ({ username: "alice", password: "secret" });
  const opened = await clientOf(origin, { credentials, allowsPrivate: true }).openBlob(APP, BLOB_DIGEST);
  expect(opened.kind).toBe("found");
  expect(authorizations).toEqual([null]);
});

test("a redirect within upstream keeps the credentials", async () => {
  const upstream = startUpstream((request, { pathname }) => {
    if (request.headers.get("authorization") === null)
      return new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } });
    return pathname === "/other" ? new Response(new Uint8Array(BLOB)) : redirect("/other");
  });
  const credentials = () => ({ username: "alice", password: "secret" });
  expect((await clientOf(upstream.origin, { credentials }).openBlob(APP, BLOB_DIGEST)).kind).toBe("found");
});

test("a redirect loop is ended after five redirects", async () => {
  const upstream = startUpstream((_, { pathname }) => redirect(pathname));
  expect(await clientOf(upstream.origin).openBlob(APP, BLOB_DIGEST)).toEqual({
    kind: "invalid",
    reason: `upstream ${upstream.origin}: it redirects more than 5 times`,
  });
  expect(upstream.requests.length).toBe(6);
});

test.each(["ftp://example.org/", "file:///etc/passwd", "http://", ""])(
  "a redirect to '%s' is refused",
  async (location) => {
    expect(await reasonOf(location)).toMatch(/it redirects, but not to a URL|more than 5 times/);
  },
);

test("a redirect to a URL with a password is refused, and its signature is in no message", async () => {
  expect(await reasonOf("http://user:secret@example.org/?X-Signature=secret")).toBe(
    "it redirects to a URL with a user name or password",
  );
  expect(await reasonOf("http://127.0.0.1:9/?X-Signature=secret")).not.toContain("secret");
});
