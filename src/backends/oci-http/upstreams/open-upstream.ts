import { readFileSync } from "node:fs";
import { holdsCertificate } from "../../../registry/client/connections.ts";
import { HttpRegistryClient } from "../../../registry/client/http-registry-client.ts";
import type { UpstreamOptions } from "../../../registry/client/upstream-options.ts";
import { parseUpstreamUrl } from "../../../registry/client/upstream-url.ts";
import type { OpenUpstream, UpstreamSettings } from "../mirror/upstreams.ts";
import { credentialKey } from "../settings/credential-places.ts";
import { type CredentialPlaces, credentialSource } from "./credential-source.ts";

/** A file of CAs is read again after this time (ms). */
const CA_MS = 60_000;

/** Opens clients with the credentials and CAs of their registries. */
export function upstreamOpener(places: CredentialPlaces): OpenUpstream {
  return (settings) => new HttpRegistryClient(upstreamOptions(places, settings));
}

/** How an upstream is asked by the settings of a registry. */
export function upstreamOptions(places: CredentialPlaces, settings: UpstreamSettings): UpstreamOptions {
  const { name, prefix, upstream, mayUseOperators, upstreamCa, upstreamPrivate, upstreamRealm } = settings;
  const url = parseUpstreamUrl(upstream);
  if (!("origin" in url)) throw new Error(`upstream=${upstream}: ${url.reason}`);
  return {
    url,
    credentials: credentialSource(places, {
      key: credentialKey(name, prefix),
      upstream: url,
      realm: upstreamRealm,
      mayUseOperators,
    }),
    realm: upstreamRealm,
    allowsPrivate: upstreamPrivate === "allow",
    ...(upstreamCa !== undefined && { ca: caReader(upstreamCa) }),
  };
}

function caReader(path: string): () => string {
  let read: { readonly text: string; readonly at: number } | undefined;
  return () => {
    if (read && performance.now() - read.at < CA_MS) return read.text;
    try {
      read = { text: readFileSync(path, "utf8"), at: performance.now() };
    } catch {
      throw new Error(`the file of upstream-ca=${path} can't be read`);
    }
    if (holdsCertificate(read.text)) return read.text;
    read = undefined;
    throw new Error(`the file of upstream-ca=${path} holds no certificate (PEM)`);
  };
}
