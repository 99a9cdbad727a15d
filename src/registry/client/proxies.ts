import { BlockList, isIP } from "node:net";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy through which a URL is to be fetched, if any: by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, or in lower case. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const read = (name: string) => environment[name] ?? environment[name.toLowerCase()] ?? "";
  const proxy = read(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY").trim();
  if (proxy === "" || isLoopback(url.hostname)) return undefined;
  if (
    read("NO_PROXY")
      .split(",")
      .some((entry) => matches(entry.trim().toLowerCase(), url))
  )
    return undefined;
  return URL.parse(proxy.includes("://") ? proxy : `http://${proxy}`) ?? undefined;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** `*`, `example.org` (and all below it), `.example.org` (all below it), an address, a network; each perhaps with a port. */
function matches(entry: string, url: URL): boolean {
  if (entry === "*") return true;
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const name = isIP(entry) === 6 || entry.includes("/") ? entry : host;
  if (name === "" || (name === host && port !== undefined && port !== portOf(url))) return false;
  const target = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (name.includes("/")) return isInNetwork(name, target);
  const plain = name.replace(/^\[(.*)\]$/, "$1").replace(/^\*(?=\.)/, "");
  return plain.startsWith(".") ? target.endsWith(plain) : target === plain || target.endsWith(`.${plain}`);
}

function isInNetwork(network: string, address: string): boolean {
  const [base = "", bits = ""] = network.split("/");
  const family = isIP(base);
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return list.check(address, family === 4 ? "ipv4" : "ipv6");
}

export function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}
