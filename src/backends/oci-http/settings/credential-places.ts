import type { InstanceConfig, InstanceName } from "./instance-config.ts";

/** Under what the credential for an upstream is kept: the name of the registry, or that and the prefix of a proxy. */
export type CredentialKey = string & { readonly __brand: "CredentialKey" };

/** An upstream that may get a credential, and the token realm on another host that may get it too. */
export interface CredentialPlace {
  readonly key: CredentialKey;
  readonly upstream: string;
  readonly realm: string | undefined;
}

/** `prefix`: of a proxy; empty for the registry's own upstream. Names of registries have no slash. */
export function credentialKey(name: InstanceName, prefix: string): CredentialKey {
  return (prefix === "" ? name : `${name}/${prefix}`) as CredentialKey;
}

export function credentialPlacesOf({
  name,
  upstream,
  upstreamRealm,
  proxies,
}: Pick<InstanceConfig, "name" | "upstream" | "upstreamRealm" | "proxies">): CredentialPlace[] {
  return [
    ...(upstream === undefined ? [] : [{ key: credentialKey(name, ""), upstream, realm: upstreamRealm }]),
    ...proxies.map((proxy) => ({
      key: credentialKey(name, proxy.prefix),
      upstream: proxy.upstream,
      realm: proxy.realm,
    })),
  ];
}
