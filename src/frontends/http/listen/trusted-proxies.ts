import { BlockList, isIP } from "node:net";
import { plainAddress } from "../../../primitives/net/client-network.ts";
import { type Hop, hopsFromLists, lastHop, parseForwarded } from "./forwarded.ts";

/** The header of RFC 7239; every other header is a list of addresses. */
const FORWARDED = "forwarded";
/** Only the last hops of a longer list are read; no real chain of proxies is that long. */
const MAX_HOPS = 32;

/** Which proxies are trusted, and for which facts. Plain data. */
export interface ProxySettings {
  /** Addresses and networks (CIDR), each of which `isNetwork`. */
  readonly networks: readonly string[];
  /** The header in which they send the client's address, in lower case. */
  readonly header: string;
  /** Whether their scheme and host of the client's request are trusted. */
  readonly trustsScheme: boolean;
  readonly trustsHost: boolean;
}

/** The client's request as its proxy reports it. */
export interface ProxiedClient {
  readonly address: string;
  readonly scheme: "http" | "https" | undefined;
  /** As in a Host header. */
  readonly host: string | undefined;
  /** The port that the client connected to. */
  readonly port: number | undefined;
}

/** Whether the text is an address, or a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/**
 * Finds the client behind trusted proxies. It reads only the configured header, and only from a trusted proxy; the client
 * may have forged any other.
 */
export class TrustedProxies {
  readonly #settings: ProxySettings;
  readonly #networks: BlockList | undefined;

  constructor(settings: ProxySettings) {
    this.#settings = settings;
    if (settings.networks.length === 0) return;
    this.#networks = new BlockList();
    for (const network of settings.networks) {
      const [address = "", bits] = network.split("/");
      const family = isIP(address) === 4 ? "ipv4" : "ipv6";
      if (bits === undefined) this.#networks.addAddress(address, family);
      else this.#networks.addSubnet(address, Number(bits), family);
    }
  }

  /** Whether any proxy is trusted. */
  get isConfigured(): boolean {
    return this.#networks !== undefined;
  }

  /** Whether the address is a trusted proxy's. */
  includes(address: string): boolean {
    // A dual-stack socket reports IPv4 addresses as IPv6.
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && this.#networks?.check(plain, family === 4 ? "ipv4" : "ipv6") === true;
  }

  /** The client behind trusted proxies; `undefined` if the connected `peer` is not one of them. */
  clientOf({ headers }: Request, peer: string): ProxiedClient | undefined {
    if (!this.includes(peer)) return undefined;
    // Each proxy appends its peer's address, so the client is the rightmost address that is not a trusted proxy. At an
    // address that can't be parsed, the proxy that sent it counts as the client.
    let address = plainAddress(peer);
    let hop: Hop = {};
    for (const next of this.#hops(headers).slice(-MAX_HOPS).toReversed()) {
      hop = merged(hop, next);
      if (next.address === undefined) break;
      address = next.address;
      if (!this.includes(address)) break;
    }
    const { trustsScheme, trustsHost } = this.#settings;
    return {
      address,
      scheme: trustsScheme ? hop.scheme : undefined,
      host: trustsHost ? hop.host : undefined,
      port: hop.port,
    };
  }

  #hops(headers: Headers): readonly Hop[] {
    const { header, trustsScheme, trustsHost } = this.#settings;
    const value = headers.get(header);
    if (header === FORWARDED) return value === null ? [] : (parseForwarded(value) ?? []);
    const lists = {
      schemes: trustsScheme ? headers.get("X-Forwarded-Proto") : null,
      hosts: trustsHost ? headers.get("X-Forwarded-Host") : null,
      ports: trustsScheme || trustsHost ? headers.get("X-Forwarded-Port") : null,
    };
    return value === null ? [lastHop(lists)] : hopsFromLists(value, lists);
  }
}

/** What is known of the client: what a `farther` proxy says, and otherwise a `nearer` one, which may pass it on. */
function merged(nearer: Hop, farther: Hop): Hop {
  const { port, ...others } = nearer;
  // A port belongs to the scheme and host of the same hop.
  const isOtherHop = farther.scheme !== undefined || farther.host !== undefined;
  return { ...others, ...(port !== undefined && !isOtherHop && { port }), ...farther };
}

/**
 * The default ports: one is implied by the client's scheme, and the other is a port between two proxies, of which the first
 * has ended TLS.
 */
const DEFAULT_PORTS: readonly number[] = [80, 443];

/** A Host header with the port that a proxy reports, where the client's header has none. */
export function hostWithPort(host: string, port: number | undefined): string {
  if (port === undefined || DEFAULT_PORTS.includes(port) || /:\d+$/.test(host)) return host;
  return `${host}:${port}`;
}
