import { readFileSync } from "node:fs";
import { messageOf } from "../../../primitives/expected-error.ts";
import { HttpRegistryClient } from "../../../registry/client/http-registry-client.ts";
import type { RegistryClient } from "../../../registry/client/registry-client.ts";
import type { UpstreamFailure } from "../../../registry/client/upstream-answer.ts";
import type { UpstreamCredentialSource } from "../../../registry/client/upstream-credentials.ts";
import { parseUpstreamUrl, UpstreamUrlFault } from "../../../registry/client/upstream-url.ts";
import type { UpstreamSettings } from "./upstreams.ts";

/** The client of a registry's upstream; one that only fails if a setting can't be used, so that what is here is still served. */
export function openUpstream(
  settings: UpstreamSettings & { readonly upstream: string },
  credentials?: UpstreamCredentialSource,
): RegistryClient {
  const { name, upstream, upstreamCa, upstreamPrivate } = settings;
  const url = parseUpstreamUrl(upstream);
  if (url instanceof UpstreamUrlFault) return unusable(upstream, `upstream ${upstream}: ${url.reason}`);
  try {
    const ca = upstreamCa === undefined ? undefined : readFileSync(upstreamCa, "utf8");
    return new HttpRegistryClient({ url, ca, credentials, allowsPrivate: upstreamPrivate === "allow" });
  } catch (error) {
    return unusable(upstream, `the upstream-ca of the registry '${name}' can't be used: ${messageOf(error)}`);
  }
}

function unusable(url: string, reason: string): RegistryClient {
  const fail = async (): Promise<UpstreamFailure> => ({ kind: "unavailable", reason });
  return {
    url,
    headManifest: fail,
    getManifest: fail,
    headBlob: fail,
    openBlob: fail,
    tags: fail,
    repositories: fail,
    referrers: fail,
    close: () => undefined,
  };
}
