import { LruCache } from "./lru-cache.ts";

/** A virtual host's name: a DNS name or an address, in lower case and without port. */
export function parseVhost(text: string): string | undefined {
  const name = text.toLowerCase();
  const dns = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
  const ipv6 = /^\[[0-9a-f:.]+\]$/;
  return name.length <= 253 && (dns.test(name) || ipv6.test(name)) ? name : undefined;
}

const WILDCARD = "*.";

/** Like `parseVhost`, and `*.example.org` for every name with one label before `.example.org`. */
export function parseVhostPattern(text: string): string | undefined {
  if (!text.startsWith(WILDCARD)) return parseVhost(text);
  const rest = parseVhost(text.slice(WILDCARD.length));
  return rest && `${WILDCARD}${rest}`;
}

/** What a table of virtual hosts and wildcards has for a name; the name itself goes before a wildcard. */
export function lookUpVhost<T>(table: ReadonlyMap<string, T>, vhost: string): T | undefined {
  const exact = table.get(vhost);
  if (exact !== undefined) return exact;
  const dot = vhost.indexOf(".");
  return dot < 0 ? undefined : table.get(`*${vhost.slice(dot)}`);
}

const MAX_KNOWN_HEADERS = 1000;
const known = new LruCache<string, string>(MAX_KNOWN_HEADERS);

/** The virtual host that a Host header names; a full stop at the end, the root of the DNS, means the same name. */
export function vhostOf(header: string): string | undefined {
  const seen = known.get(header);
  if (seen) return seen;
  const vhost = parseVhost(header.replace(/\.?(:\d*)?$/, ""));
  if (vhost) known.set(header, vhost);
  return vhost;
}
