import { expect, test } from "bun:test";
import { type UpstreamSettings, Upstreams } from "../../../../src/backends/oci-http/mirror/upstreams.ts";
import { type ProxyRoute, parseProxyRoute } from "../../../../src/backends/oci-http/settings/proxy-route.ts";
import type { CheckInterval } from "../../../../src/backends/oci-http/settings/upstream-values.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { FakeUpstream } from "../../../support/fake-upstream.ts";
import { mirrorConfig, testMirror } from "../../../support/mirror.ts";
import { TestStore } from "../../../support/oci-store.ts";

const ALWAYS = { check: "always" as CheckInterval };
const BELOW = "team/app" as RepositoryName;
const OWN = "own/app" as RepositoryName;
const DEMO = { kind: "tag", tag: "demo" as Tag } as const;
const PAGE = { last: "", limit: 10 };

function proxy(text: string): ProxyRoute {
  const route = parseProxyRoute(text);
  if (!route) throw new Error(text);
  return route;
}

/** A registry whose repositories below `team/` come from an upstream. */
async function openProxy(settings: Parameters<typeof testMirror>[1] = {}) {
  const store = await TestStore.open();
  const proxies = [proxy("team/**,https://upstream.test")];
  return { store, ...testMirror(store.oci, { upstream: undefined, proxies, ...settings }) };
}

test("below the prefix of a proxy, what is not there is fetched; upstream is not asked about other names", async () => {
  const { upstream, storage } = await openProxy();
  const { digest } = upstream.image("demo");
  expect(await storage().manifest(OWN, DEMO)).toBeUndefined();
  expect(await storage().tags(OWN, PAGE)).toBeUndefined();
  expect(await storage().blob(OWN, digest)).toBeUndefined();
  expect(upstream.asked).toEqual([]);
  expect((await storage().manifest(BELOW, DEMO))?.digest).toBe(digest);
});

test("a tag that somebody pushed before its name belonged to a proxy stays, and is listed", async () => {
  const { store, upstream, storage } = await openProxy(ALWAYS);
  const pushed = await store.image("demo");
  upstream.image("demo");
  upstream.image("other");
  expect((await storage().manifest(BELOW, DEMO))?.digest).toBe(pushed.digest);
  expect((await storage().tags(BELOW, PAGE))?.entries).toEqual(["demo", "other"] as Tag[]);
});

test("each proxy has a client, times and credentials of its own, and its misses are forgotten when it gets others", () => {
  const opened: UpstreamSettings[] = [];
  const closed: string[] = [];
  let reopened = 0;
  const upstreams = new Upstreams(
    (settings) => {
      opened.push(settings);
      return Object.assign(new FakeUpstream(), {
        url: settings.upstream,
        close: () => void closed.push(settings.upstream),
      });
    },
    () => reopened++,
  );
  const store = { upstreamRealm: "https://auth.test", upstreamCa: "/ca.pem" };
  const proxies = [
    proxy("hub/**,https://hub.test,check=never"),
    proxy(
      "ghcr/**,https://ghcr.test,private=allow,ca=/ghcr.pem,realm=https://auth.ghcr.test,credentials=allow",
    ),
  ];
  const config = mirrorConfig({ ...store, proxies });
  const routes = upstreams.routesOf(config);
  expect(routes.map(({ prefix, upstream, checkMs }) => [prefix, upstream.url, checkMs])).toEqual([
    ["", "https://upstream.test", 300_000],
    ["hub", "https://hub.test", Number.POSITIVE_INFINITY],
    ["ghcr", "https://ghcr.test", 300_000],
  ]);
  expect(opened).toEqual([
    {
      ...store,
      name: config.name,
      prefix: "",
      upstream: "https://upstream.test",
      upstreamPrivate: "refuse",
      mayUseOperators: true,
    },
    {
      name: config.name,
      prefix: "hub",
      upstream: "https://hub.test",
      upstreamPrivate: "refuse",
      mayUseOperators: false,
    },
    {
      name: config.name,
      prefix: "ghcr",
      upstream: "https://ghcr.test",
      upstreamPrivate: "allow",
      mayUseOperators: true,
      upstreamCa: "/ghcr.pem",
      upstreamRealm: "https://auth.ghcr.test",
    },
  ]);
  expect(upstreams.routesOf({ ...config, check: "1h" as CheckInterval })[0]?.upstream).toBe(
    routes[0]?.upstream as FakeUpstream,
  );
  upstreams.routesOf({ ...config, proxies: proxies.slice(1) });
  expect(closed).toEqual(["https://hub.test"]);
  expect({ opened: opened.length, reopened }).toEqual({ opened: 3, reopened: 0 });
  upstreams.routesOf({ ...config, ...store, upstreamRealm: "https://other.test", proxies: proxies.slice(1) });
  expect({ opened: opened.length, reopened }).toEqual({ opened: 4, reopened: 1 });
});

test.each([
  ["upstream.test", true],
  ["UPSTREAM.test:443", true],
  ["hub.test", true],
  ["other.test", false],
  ["upstream.test:5000", false],
  ["", false],
])(
  "content of the mirror is served to a client whose image is from '%s': %p",
  async (namespace, isServed) => {
    const store = await TestStore.open();
    const { upstream, storage } = testMirror(store.oci);
    const { digest, layer } = upstream.image("demo");
    await storage().manifest(BELOW, DEMO);
    const asked = upstream.asked.length;
    const named = storage({ namespace });
    expect((await named.manifest(BELOW, DEMO)) !== undefined).toBe(isServed);
    expect((await named.manifest(BELOW, { kind: "digest", digest })) !== undefined).toBe(isServed);
    if (!isServed) {
      expect(await named.blob(BELOW, layer)).toBeUndefined();
      expect(await named.tags(BELOW, PAGE)).toBeUndefined();
      const all = { artifactType: undefined, ...PAGE, maxBytes: 1000 };
      expect(await named.referrers(BELOW, digest, all)).toEqual({ entries: [], more: false });
      expect(upstream.asked.length).toBe(asked);
    }
  },
);

test("in the mode read-only, a mirror asks nobody, and has nothing for a client whose image is from elsewhere", async () => {
  const store = await TestStore.open();
  const { upstream, storage } = testMirror(store.oci);
  const { digest } = upstream.image("demo");
  await storage().manifest(BELOW, DEMO);
  const asked = upstream.asked.length;
  const { storage: readOnly } = testMirror(store.oci, { mode: "read-only" });
  expect((await readOnly({ namespace: "upstream.test" }).manifest(BELOW, DEMO))?.digest).toBe(digest);
  expect(await readOnly({ namespace: "other.test" }).manifest(BELOW, DEMO)).toBeUndefined();
  expect(upstream.asked.length).toBe(asked);
});

test("a registry's own content is served whatever name the client knows it by", async () => {
  const { store, storage } = await openProxy();
  const { digest } = await store.image("demo");
  const own = await storage({ namespace: "other.test" }).manifest(BELOW, DEMO);
  expect(own).toBeUndefined();
  const { storage: plain } = testMirror(store.oci, {
    upstream: undefined,
    proxies: [proxy("hub/**,https://upstream.test")],
  });
  expect((await plain({ namespace: "other.test" }).manifest(BELOW, DEMO))?.digest).toBe(digest);
});
