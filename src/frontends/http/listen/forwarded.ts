import { isIP } from "node:net";
import { plainAddress } from "../../../primitives/net/client-network.ts";

/** One proxy's report on the connection that it accepted. */
export interface Hop {
  readonly address?: string;
  readonly scheme?: "http" | "https";
  /** In the form of a Host header. */
  readonly host?: string;
  readonly port?: number;
}

/** The lists of a chain of proxies, each as its header has it. */
export interface ForwardedLists {
  readonly schemes: string | null;
  readonly hosts: string | null;
  readonly ports: string | null;
}

/** A forwarded-pair (RFC 7239, section 4). Some proxies omit the quotes around an address with port or brackets. */
const PAIR = /[ \t]*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]+)[ \t]*/y;

/** The hops of a `Forwarded` header, client first; `undefined` if any of it is malformed. */
export function parseForwarded(header: string): readonly Hop[] | undefined {
  const hops: Hop[] = [];
  let values = new Map<string, string>();
  let at = 0;
  for (;;) {
    PAIR.lastIndex = at;
    const [text = "", name, value = ""] = PAIR.exec(header) ?? [];
    if (name !== undefined) {
      const key = name.toLowerCase();
      if (values.has(key)) return undefined;
      values.set(key, value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value);
      at += text.length;
    } else {
      // The grammar allows empty elements.
      while (header[at] === " " || header[at] === "\t") at++;
    }
    const separator = header[at++];
    if (separator === ";") continue;
    if (separator !== "," && separator !== undefined) return undefined;
    if (values.size > 0)
      hops.push(
        hopOf(values.get("for"), { scheme: values.get("proto"), host: values.get("host"), port: undefined }),
      );
    values = new Map();
    if (separator === undefined) return hops;
  }
}

/** The hops of lists such as `X-Forwarded-For`, client first; a shorter list describes the last hops. */
export function hopsFromLists(addresses: string, { schemes, hosts, ports }: ForwardedLists): readonly Hop[] {
  const addressList = itemsOf(addresses);
  const [schemeList, hostList, portList] = [itemsOf(schemes), itemsOf(hosts), itemsOf(ports)];
  return addressList.map((address, i) => {
    const at = i - addressList.length;
    return hopOf(address, { scheme: schemeList.at(at), host: hostList.at(at), port: portList.at(at) });
  });
}

/** The hop of a proxy that sends no address: it is the last of each list. */
export function lastHop({ schemes, hosts, ports }: ForwardedLists): Hop {
  const last = (list: string | null) => itemsOf(list).at(-1);
  return hopOf(undefined, { scheme: last(schemes), host: last(hosts), port: last(ports) });
}

function itemsOf(list: string | null): readonly string[] {
  return list === null ? [] : list.split(",").map((item) => item.trim());
}

function hopOf(
  address: string | undefined,
  sent: Readonly<Record<"scheme" | "host" | "port", string | undefined>>,
): Hop {
  const known = address === undefined ? undefined : addressOf(address);
  const scheme = sent.scheme?.toLowerCase();
  const port = sent.port === undefined ? undefined : portOf(sent.port);
  return {
    ...(known !== undefined && { address: known }),
    ...((scheme === "http" || scheme === "https") && { scheme }),
    ...(sent.host && { host: sent.host }),
    ...(port !== undefined && { port }),
  };
}

function portOf(text: string): number | undefined {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

/** The address of `192.0.2.1:4711`, `[2001:db8::1]:4711` and the like, without the port. */
function addressOf(text: string): string | undefined {
  const [, bracketed, plain] = text.match(/^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/) ?? [];
  const address = bracketed ?? plain ?? text;
  return isIP(address) === 0 ? undefined : plainAddress(address);
}
