import { describe, expect, test } from "bun:test";
import { parseSyncRule } from "../../../../src/backends/oci-http/policy/sync-rules.ts";
import { idleUpstreamFault } from "../../../../src/backends/oci-http/settings/check-upstreams.ts";
import type { InstanceValues } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { parseProxyRoute } from "../../../../src/backends/oci-http/settings/proxy-route.ts";
import { mirrorConfig } from "../../../support/mirror.ts";

function rules(...texts: string[]): InstanceValues["sync"] {
  return texts.flatMap((text) => parseSyncRule(text) ?? []);
}

describe("settings of what is copied and kept", () => {
  const proxies = [parseProxyRoute("hub/**,https://upstream.test")].flatMap((route) => route ?? []);

  test.each([
    [
      { upstream: undefined, keepSize: 1 },
      "keep-size= is for what comes from upstream: 'hub' needs upstream=",
    ],
    [{ upstream: undefined, keepPulled: 86_400 }, "keep-pulled= is for what comes from upstream"],
    [{ upstream: undefined, sync: rules("app") }, "sync=app: 'hub' has no upstream for it"],
    [{ upstream: undefined, proxies, sync: rules("app") }, "sync=app: 'hub' has no upstream for it"],
    [{ sync: rules("app,1.*", "app,1.*") }, "sync=app,1.*,every=1d is there twice"],
  ])("without an effect are refused: %j", (settings, reason) => {
    expect(idleUpstreamFault(mirrorConfig(settings))).toStartWith(reason);
  });

  test.each([
    { keepSize: 1, keepPulled: 86_400, sync: rules("app,1.*", "app,2.*") },
    { upstream: undefined, proxies, keepSize: 1, sync: rules("hub/app") },
    { upstream: undefined },
  ])("with an effect are accepted: %j", (settings) => {
    expect(idleUpstreamFault(mirrorConfig(settings))).toBeUndefined();
  });
});
