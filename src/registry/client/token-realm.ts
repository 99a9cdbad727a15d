import type { UpstreamUrl } from "./upstream-url.ts";

/** Token servers on other hosts that belong to the registry, as its operator says publicly. */
const KNOWN_REALMS: ReadonlyMap<string, string> = new Map([
  ["registry-1.docker.io", "auth.docker.io"],
  ["registry.gitlab.com", "gitlab.com"],
  ["registry.digitalocean.com", "api.digitalocean.com"],
]);

export interface TokenRealm {
  readonly url: URL;
  /** Whether it may get upstream's password. */
  readonly mayHavePassword: boolean;
  /** Whether its address may be private: it is upstream's own, or the operator has named it. */
  readonly isTrusted: boolean;
}

/** Reads the realm of a Bearer challenge; returns why it is refused as a text. `allowed` is an origin. */
export function parseRealm(
  text: string | undefined,
  upstream: UpstreamUrl,
  allowed: string | undefined,
): TokenRealm | string {
  const url = URL.parse(text ?? "");
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    return "it asks for a token, but names no URL to get one from";
  if (url.username !== "" || url.password !== "") return "its token realm holds a user name or password";
  if (upstream.origin.startsWith("https:") && url.protocol !== "https:")
    return `its token realm is ${url.origin}, without TLS`;
  const isAllowed = url.origin === allowed;
  const isOwn = url.hostname === upstream.hostname || KNOWN_REALMS.get(upstream.hostname) === url.hostname;
  return { url, mayHavePassword: isOwn || isAllowed, isTrusted: url.origin === upstream.origin || isAllowed };
}
