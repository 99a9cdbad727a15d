import { isIP } from "node:net";
import { plainAddress } from "../../../primitives/net/client-network.ts";

/** One proxy's report on the connection that it accepted. */
export interface Hop {
  readonly address?: string;
  readonly scheme?: "http" | "https";
  /** In the form of a Host header. */
  readonly host?: string;
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
    if (values.size > 0) hops.push(hopOf(values.get("for"), values.get("proto"), values.get("host")));
    values = new Map();
    if (separator === undefined) return hops;
  }
}

/** The hops of lists such as `X-Forwarded-For`, client first; a shorter list describes the last hops. */
export function hopsFromLists(
  addresses: string,
  schemes: string | null,
  hosts: string | null,
): readonly Hop[] {
  const [addressList, schemeList, hostList] = [itemsOf(addresses), itemsOf(schemes), itemsOf(hosts)];
  return addressList.map((address, i) => {
    const fromRight = addressList.length - i;
    return hopOf(address, schemeList.at(-fromRight), hostList.at(-fromRight));
  });
}

function itemsOf(list: string | null): readonly string[] {
  return list === null ? [] : list.split(",").map((item) => item.trim());
}

export function hopOf(
  address: string | undefined,
  scheme: string | undefined,
  host: string | undefined,
): Hop {
  const known = address === undefined ? undefined : addressOf(address);
  const lower = scheme?.toLowerCase();
  return {
    ...(known !== undefined && { address: known }),
    ...((lower === "http" || lower === "https") && { scheme: lower }),
    ...(host && { host }),
  };
}

/** The address of `192.0.2.1:4711`, `[2001:db8::1]:4711` and the like, without the port. */
function addressOf(text: string): string | undefined {
  const [, bracketed, plain] = text.match(/^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/) ?? [];
  const address = bracketed ?? plain ?? text;
  return isIP(address) === 0 ? undefined : plainAddress(address);
}
