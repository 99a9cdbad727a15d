import { expect, test } from "bun:test";
import { parseSyncRule } from "../../../../src/backends/oci-http/policy/sync-rules.ts";
import { changeFault } from "../../../../src/backends/oci-http/settings/check-effects.ts";
import type { InstanceValues } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { parseProxyRoute } from "../../../../src/backends/oci-http/settings/proxy-route.ts";
import type { CheckInterval, WaitTime } from "../../../../src/backends/oci-http/settings/upstream-values.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { mirrorConfig } from "../../../support/mirror.ts";

type Settings = Partial<InstanceValues>;
const PROXIES = [parseProxyRoute("hub/**,https://hub.test")].flatMap((route) => route ?? []);
const SYNC = [parseSyncRule("app")].flatMap((rule) => rule ?? []);
const CHECK = "1h" as CheckInterval;
const WAIT = "5s" as WaitTime;
const AT = "a".repeat(40) as ObjectId;

const faultOf = (before: Settings | undefined, after: Settings) =>
  changeFault(before && mirrorConfig(before), mirrorConfig(after));

test.each<[string, Settings]>([
  ["proxy", { proxies: PROXIES }],
  ["sync", { sync: SYNC }],
  ["upstream-mode", { upstreamMode: "fallback" }],
  ["check", { check: CHECK }],
  ["wait", { wait: WAIT }],
  ["keep-pulled", { keepPulled: 86_400 }],
  ["keep-size", { keepSize: 1 }],
])("a replica refuses %s=, which is for mirrors", (word, settings) => {
  const reason = `${word}= has no effect on 'hub': with follow=all it has all that its primary has`;
  expect(faultOf({ follow: "all" }, { follow: "all", ...settings })).toStartWith(reason);
  expect(faultOf(undefined, { follow: "all", ...settings })).toStartWith(reason);
  // A mirror with it that becomes a replica.
  expect(faultOf(settings, { follow: "all", ...settings })).toStartWith(reason);
  // Older versions accepted it.
  const kept = { follow: "all", ...settings } as const;
  expect(faultOf(kept, { ...kept, quota: 1 })).toBeUndefined();
  expect(faultOf(kept, { follow: "all" })).toBeUndefined();
});

test("a replica accepts what counts for replicas, or once it is promoted", () => {
  const accepted: Settings = {
    ...{ quota: 1, retention: 1, references: "sparse", upstreamStore: "default" },
    ...{ upstreamCa: "/ca.pem", upstreamPrivate: "allow", nsVhosts: ["mirror.test"] },
  };
  expect(faultOf({ follow: "all" }, { follow: "all", ...accepted })).toBeUndefined();
});

test.each<[string, Settings, string]>([
  ["upstream-store", {}, "it is no replica; follow=all makes it one"],
  ["upstream-ca", { upstream: undefined }, "it has no upstream="],
  ["upstream-private", { upstream: undefined }, "it has no upstream="],
  [
    "upstream-realm",
    { upstream: undefined, proxies: PROXIES },
    "it has no upstream=; proxies have ca=, private=",
  ],
  ["upstream-mode", { upstream: undefined }, "it has neither upstream= nor proxy="],
  ["check", { upstream: undefined }, "it has neither upstream= nor proxy="],
  ["wait", { upstream: undefined }, "it has neither upstream= nor proxy="],
  ["wait", { at: AT }, "it serves a past state and asks nobody"],
])("%s= without what it is for is refused: %j", (word, settings, reason) => {
  const all: Readonly<Record<string, Settings>> = {
    "upstream-store": { upstreamStore: "default" },
    "upstream-ca": { upstreamCa: "/ca.pem" },
    "upstream-private": { upstreamPrivate: "allow" },
    "upstream-realm": { upstreamRealm: "https://auth.test" },
    "upstream-mode": { upstreamMode: "fallback" },
    check: { check: CHECK },
    wait: { wait: WAIT },
  };
  const after = { ...settings, ...all[word] };
  expect(faultOf(settings, after)).toStartWith(`${word}= has no effect on 'hub': ${reason}`);
  expect(faultOf(after, { ...after, quota: 1 })).toBeUndefined();
});

test("the upstream of a mirror can go while its settings stay", () => {
  const mirror: Settings = { check: CHECK, upstreamMode: "fallback", upstreamCa: "/ca.pem" };
  expect(faultOf(mirror, { ...mirror, upstream: undefined })).toBeUndefined();
  expect(
    faultOf({ upstream: undefined }, { proxies: PROXIES, check: CHECK, upstream: undefined }),
  ).toBeUndefined();
});
