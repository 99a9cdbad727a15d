/** A virtual host's name: a DNS name or an address, in lower case and without port. */
export function parseVhost(text: string): string | undefined {
  const name = text.toLowerCase();
  const dns = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
  const ipv6 = /^\[[0-9a-f:.]+\]$/;
  return name.length <= 253 && (dns.test(name) || ipv6.test(name)) ? name : undefined;
}

/** The virtual host that a Host header names; a full stop at the end, the root of the DNS, means the same name. */
export function vhostOf(header: string | null): string | undefined {
  return header === null ? undefined : parseVhost(header.replace(/\.?(:\d*)?$/, ""));
}
