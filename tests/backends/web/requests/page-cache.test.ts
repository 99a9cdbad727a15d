import { expect, test } from "bun:test";
import type { InstanceConfig } from "../../../../src/backends/oci-http/settings/instance-config.ts";
import { completeSettings } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { PageCache, type PageState } from "../../../../src/backends/web/requests/page-cache.ts";
import type { WebRequest, WebResponse } from "../../../../src/backends/web/requests/web-calls.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { UserName } from "../../../../src/primitives/users/user.ts";
import { UserDirectory } from "../../../../src/primitives/users/user-directory.ts";
import { DEFAULT } from "../../../support/registry-services.ts";

const SETTINGS = { store: "everlock-oci-local" as StoreName, vhosts: ["localhost"] };
const CONFIG: InstanceConfig = {
  name: DEFAULT,
  ...completeSettings(SETTINGS, () => {
    throw new Error("a setting is missing");
  }),
};
const STATE: PageState = {
  config: CONFIG,
  directory: new UserDirectory([]),
  commit: "a".repeat(64) as ObjectId,
};
const REQUEST: WebRequest = {
  method: "GET",
  path: "/",
  query: "",
  base: "http://localhost",
  instance: DEFAULT,
  login: { user: "alice" as UserName, session: { id: "one", began: 1 }, isPersonal: true },
  remote: "127.0.0.1",
  headers: { accept: "text/html", "user-agent": "a browser" },
  body: new Uint8Array(),
};
const page = (body: string): WebResponse => ({ status: 200, headers: {}, body });

function filled(now?: () => number): PageCache {
  const cache = new PageCache(now);
  cache.set(REQUEST, STATE, page("alice's"));
  return cache;
}

test("a page is kept for the requests of a user, whatever session, browser and address they come from", () => {
  const cache = filled();
  const login = { ...REQUEST.login, session: { id: "two", began: 2 } };
  const headers = { accept: "text/html", "user-agent": "another browser" };
  for (const request of [REQUEST, { ...REQUEST, login }, { ...REQUEST, headers, remote: "192.0.2.1" }])
    expect(cache.get(request, STATE)?.body).toBe("alice's");
});

const { login } = REQUEST;
const LIMIT = { role: "reader", path: "http/oci/default/team/*" } as NonNullable<typeof login.limit>;
const OTHERS: Readonly<Record<string, Partial<WebRequest>>> = {
  "another user": { login: { ...login, user: "bob" as UserName } },
  anon: { login: { user: "anon" as UserName } },
  "a session that has ended": { login: { ...login, hasEnded: true } },
  "an API token with a limit": { login: { user: login.user, limit: LIMIT } },
  "a Bearer token with claims": { login: { user: login.user, claims: [] } },
  "no session": { login: { user: login.user, isPersonal: true } },
  "another query": { query: "text=a" },
  "another path": { path: "/log" },
  "another host": { base: "http://other" },
  "another registry": { instance: "other" as typeof DEFAULT },
  "another encoding": { headers: { ...REQUEST.headers, "accept-encoding": "gzip" } },
  "another method": { method: "POST" },
};
test.each(Object.entries(OTHERS))("a kept page is not sent to a request with %s", (_what, other) => {
  expect(filled().get({ ...REQUEST, ...other }, STATE)).toBeUndefined();
});

test("a kept page is not sent after a change of commits, users or settings, nor after half a minute", () => {
  const changed: Partial<PageState>[] = [
    { commit: "b".repeat(64) as ObjectId },
    { directory: new UserDirectory([]) },
    { config: { ...CONFIG } },
  ];
  for (const change of changed) expect(filled().get(REQUEST, { ...STATE, ...change })).toBeUndefined();
  let now = 0;
  const cache = filled(() => now);
  now = 29_999;
  expect(cache.get(REQUEST, STATE)?.body).toBe("alice's");
  now = 30_000;
  expect(cache.get(REQUEST, STATE)).toBeUndefined();
});

test("errors, downloads and pages that begin or end a session are not kept", () => {
  const download = { repository: "a", digest: "sha256:", fileName: "x" };
  const others: Partial<WebResponse>[] = [{ status: 404 }, { session: "end" }, { download }];
  for (const other of others) {
    const cache = new PageCache();
    cache.set(REQUEST, STATE, { ...page("x"), ...other });
    expect(cache.get(REQUEST, STATE)).toBeUndefined();
  }
});

test("kept pages use at most 8 MiB, and an address beyond 2000 characters is not kept", () => {
  const cache = new PageCache();
  const size = 100_000;
  const requests = Array.from({ length: 200 }, (_, i) => ({ ...REQUEST, query: `text=${i}` }));
  for (const request of requests) cache.set(request, STATE, page("x".repeat(size)));
  const kept = requests.filter((request) => cache.get(request, STATE)).length;
  expect(kept).toBeGreaterThan(0);
  expect(kept * size * 2).toBeLessThan(8 * 1024 * 1024);
  const long = { ...REQUEST, query: `text=${"x".repeat(2000)}` };
  cache.set(long, STATE, page("x"));
  expect(cache.get(long, STATE)).toBeUndefined();
});
