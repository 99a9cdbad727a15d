import { BlockList, isIP } from "node:net";

/** How a request was made, as far as a proxy tells it. */
export interface ProxiedClient {
  readonly address: string;
  readonly scheme: "http" | "https" | undefined;
  /** As in a Host header. */
  readonly host: string | undefined;
}

/** An address, or a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** What `Forwarded` (RFC 7239) or `X-Forwarded-*` say is believed where one of these proxies sent it, and only there. */
export class TrustedProxies {
  readonly #networks: BlockList | undefined;

  /** Each of which `isNetwork`. */
  constructor(networks: readonly string[]) {
    if (networks.length === 0) return;
    this.#networks = new BlockList();
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 4 ? "ipv4" : "ipv6";
      if (bits === undefined) this.#networks.addAddress(address, family);
      else this.#networks.addSubnet(address, Number(bits), family);
    }
  }

  /** Whether any are trusted; without, nothing need be looked at. */
  get exist(): boolean {
    return this.#networks !== undefined;
  }

  /** Whether this address is one of theirs. */
  includes(address: string): boolean {
    return this.#isTrusted(address);
  }

  /** The client behind trusted proxies; `undefined` where `peer`, who is connected, is none of them. */
  clientOf({ headers }: Request, peer: string): ProxiedClient | undefined {
    if (!this.#isTrusted(peer)) return undefined;
    const forwarded = headers.get("Forwarded");
    const hops = forwarded === null ? hopsOfLegacy(headers) : hopsOfForwarded(forwarded);
    // Each proxy adds who it was connected to; the first one from the right that is no proxy of ours is the client.
    let address = peer;
    let hop: Hop = {};
    for (const next of hops.toReversed()) {
      hop = { ...hop, ...next };
      if (next.address === undefined) break;
      address = next.address;
      if (!this.#isTrusted(address)) break;
    }
    return { address, scheme: hop.scheme, host: hop.host };
  }

  #isTrusted(address: string): boolean {
    // A socket that takes both families shows IPv4 addresses in this form.
    const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, "");
    const family = isIP(plain);
    return family !== 0 && this.#networks?.check(plain, family === 4 ? "ipv4" : "ipv6") === true;
  }
}

interface Hop {
  readonly address?: string;
  readonly scheme?: "http" | "https";
  readonly host?: string;
}

function hopsOfForwarded(header: string): Hop[] {
  return header.split(",").map((element) => {
    const pairs = element.split(";").map((pair): [string, string] => {
      const at = pair.indexOf("=");
      const value = pair.slice(at + 1).trim();
      return [pair.slice(0, Math.max(at, 0)).trim().toLowerCase(), value.replace(/^"(.*)"$/, "$1")];
    });
    const values = new Map(pairs);
    return hop(values.get("for"), values.get("proto"), values.get("host"));
  });
}

/** Scheme and host are usually told once, of the first connection. */
function hopsOfLegacy(headers: Headers): Hop[] {
  const list = (name: string) =>
    headers
      .get(name)
      ?.split(",")
      .map((item) => item.trim()) ?? [];
  const [addresses, schemes, hosts] = [
    list("X-Forwarded-For"),
    list("X-Forwarded-Proto"),
    list("X-Forwarded-Host"),
  ];
  const count = Math.max(addresses.length, schemes.length, hosts.length);
  return Array.from({ length: count }, (_, i) => {
    const fromRight = (values: readonly string[]) => values[values.length - count + i];
    return hop(fromRight(addresses), fromRight(schemes), fromRight(hosts));
  });
}

function hop(address: string | undefined, scheme: string | undefined, host: string | undefined): Hop {
  const known = address === undefined ? undefined : addressOf(address);
  const lower = scheme?.toLowerCase();
  return {
    ...(known !== undefined && { address: known }),
    ...((lower === "http" || lower === "https") && { scheme: lower }),
    ...(host && { host }),
  };
}

/** Without the port, of `192.0.2.1:4711`, `[2001:db8::1]:4711` and the like. */
function addressOf(text: string): string | undefined {
  const [, bracketed, plain] = text.match(/^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/) ?? [];
  const address = bracketed ?? plain ?? text;
  return isIP(address) === 0 ? undefined : address;
}
