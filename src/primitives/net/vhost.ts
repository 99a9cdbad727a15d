import { LruCache } from "../bounds/lru-cache.ts";

/** Maximal length of a DNS name as text (RFC 1035, section 2.3.4). */
const MAX_NAME = 253;
const DNS = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/** Parses a virtual host: a DNS name or an address, without port. Returns it in lower case. */
function parseVhost(text: string): string | undefined {
  if (text.length > MAX_NAME) return undefined;
  const name = text.toLowerCase();
  return DNS.test(name) || IPV6.test(name) ? name : undefined;
}

/** Matches every host that nothing else in the table matches. */
export const ANY_HOST = "*";
const WILDCARD = "*.";

/**
 * Like `parseVhost`; also accepts `*.example.org`, which matches names with one label before `.example.org`, and
 * `ANY_HOST`.
 */
export function parseVhostPattern(text: string): string | undefined {
  if (text === ANY_HOST) return text;
  if (!text.startsWith(WILDCARD)) return parseVhost(text);
  const rest = parseVhost(text.slice(WILDCARD.length));
  return rest && `${WILDCARD}${rest}`;
}

/** Looks up a name in a table of virtual hosts and wildcards; the most exact match takes precedence. */
export function lookUpVhost<T>(table: ReadonlyMap<string, T>, vhost: string): T | undefined {
  const exact = table.get(vhost);
  if (exact !== undefined) return exact;
  const dot = vhost.indexOf(".");
  const wild = dot < 0 ? undefined : table.get(`*${vhost.slice(dot)}`);
  return wild ?? table.get(ANY_HOST);
}

const LOOPBACK_NAMES: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** The names of the loopback interface, if one of them is the host; clients on the same machine use any of them. */
export function loopbackNames(vhost: string): readonly string[] {
  return LOOPBACK_NAMES.includes(vhost) ? LOOPBACK_NAMES : [];
}

const MAX_KNOWN_HEADERS = 1000;
/** A name, the trailing dot of the DNS root, and a port. */
const MAX_HEADER = MAX_NAME + ".:65535".length;
const known = new LruCache<string, string>(MAX_KNOWN_HEADERS);

/** The virtual host in a Host header; a trailing dot (the DNS root) is ignored. */
export function vhostOf(header: string): string | undefined {
  if (header.length > MAX_HEADER) return undefined;
  const seen = known.get(header);
  if (seen) return seen;
  const vhost = parseVhost(header.replace(/\.?(:\d*)?$/, ""));
  if (vhost) known.set(header, vhost);
  return vhost;
}
