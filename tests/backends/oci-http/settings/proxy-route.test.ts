import { expect, test } from "bun:test";
import {
  clashOf,
  formatProxyRoute,
  parseProxyRoute,
  proxyRouteAdvice,
} from "../../../../src/backends/oci-http/settings/proxy-route.ts";
import { placeFor } from "../../../../src/backends/oci-http/settings/upstream-places.ts";

const routeOf = (text: string) => {
  const route = parseProxyRoute(text);
  if (!route) throw new Error(`${text} is not valid`);
  return route;
};

test("the proxy of a prefix is read with its options, and printed as it was written", () => {
  const text =
    "ghcr/team/**,https://ghcr.io,check=1h,wait=5s,ca=/etc/ca.pem,private=allow,realm=https://auth.ghcr.io,credentials=allow";
  expect(routeOf(text)).toMatchObject({ prefix: "ghcr/team", upstream: "https://ghcr.io", check: "1h" });
  expect(formatProxyRoute(routeOf(text))).toBe(text);
  expect(routeOf("hub/**,docker.io").upstream).toBe("https://registry-1.docker.io");
});

test.each([
  ["hub,https://ghcr.io", "'hub' is no prefix; it begins as names of repositories do, and ends with /**"],
  ["hub/*,https://ghcr.io", "'hub/*' is no prefix"],
  ["Hub/**,https://ghcr.io", "'Hub/**' is no prefix"],
  ["*/hub/**,https://ghcr.io", "'*/hub/**' is no prefix"],
  ["**,https://ghcr.io", "for all repositories of a registry, use upstream="],
  ["hub/**", "the upstream of hub/** is missing; use proxy=hub/**,https://registry-1.docker.io"],
  ["hub/**,ftp://ghcr.io", "'ftp://ghcr.io': it begins with neither https:// nor http://"],
  ["hub/**,https://me:secret@ghcr.io", "'https://…@ghcr.io': it holds a user name or password"],
  ["hub/**,https://ghcr.io,check=often", "check= must be always, never or a duration such as 5m"],
  ["hub/**,https://ghcr.io,wait=1h", "wait= must be a duration from 1s to 60s"],
  ["hub/**,https://ghcr.io,ca=ca.pem", "ca= must be an absolute path"],
  ["hub/**,https://ghcr.io,private=yes", "private= can only be 'allow'"],
  ["hub/**,https://ghcr.io,realm=ghcr.io/token", "realm= must be the scheme and host of a URL"],
  ["hub/**,https://ghcr.io,credentials=alice", "credentials= can only be 'allow'"],
  ["hub/**,https://ghcr.io,colour=red", "'colour=red' is no option of a proxy"],
  ["hub/**,https://ghcr.io,wait=1s,wait=2s", "wait= is there twice"],
])("'%s' is refused as the proxy of a prefix, in words", (text, reason) => {
  expect(parseProxyRoute(text)).toBeUndefined();
  expect(proxyRouteAdvice(text)).toContain(reason);
});

test.each([
  [["hub/**", "hub/**"], "proxy=hub/** is there twice"],
  [["hub/library/**", "ghcr/**", "hub/**"], "proxy=hub/** covers proxy=hub/library/**"],
  [["hub/**", "hub-two/**", "ghcr/hub/**"], undefined],
])("the prefixes %p together: %p", (patterns, fault) => {
  const found = clashOf(patterns.map((pattern) => routeOf(`${pattern},https://ghcr.io`)));
  if (fault === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(fault);
});

test("a repository comes from the upstream with the longest prefix of whole components", () => {
  const places = ["", "hub", "hub/team"].map((prefix) => ({ prefix }));
  const prefixFor = (repository: string) => placeFor(places, repository)?.prefix;
  expect(["alpine", "hub", "hubs/alpine", "hub/alpine", "hub/team/app"].map(prefixFor)).toEqual([
    ...["", "", "", "hub", "hub/team"],
  ]);
  expect(placeFor(places.slice(1), "team/app")).toBeUndefined();
});
