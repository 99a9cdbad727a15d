import { BlockList, isIP } from "node:net";
import { plainAddress } from "../../../primitives/net/client-network.ts";
import { type Hop, hopOf, hopsOfLists, parseForwarded } from "./forwarded.ts";

/** The header of RFC 7239; any other tells addresses alone, in a list. */
const FORWARDED = "forwarded";
/** A longer list comes from no sensible row of proxies; what is left of it is not looked at. */
const MAX_HOPS = 32;

/** Which proxies are believed, and what. Plain data. */
export interface ProxySettings {
  /** Addresses and networks (CIDR), each of which `isNetwork`. */
  readonly networks: readonly string[];
  /** The one header by which they tell the client's address, in lower case. */
  readonly header: string;
  /** Whether they tell the scheme and the host that the client used. */
  readonly tellScheme: boolean;
  readonly tellHost: boolean;
}

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

/**
 * What proxies say of their clients, where one of these sent it and by the one header that they set. Whatever else there is
 * the client may have sent itself.
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

  /** Whether any are trusted; without, nothing need be looked at. */
  get exist(): boolean {
    return this.#networks !== undefined;
  }

  /** Whether this address is one of theirs. */
  includes(address: string): boolean {
    // A socket that takes both families shows IPv4 addresses as IPv6.
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && this.#networks?.check(plain, family === 4 ? "ipv4" : "ipv6") === true;
  }

  /** The client behind trusted proxies; `undefined` where `peer`, who is connected, is none of them. */
  clientOf({ headers }: Request, peer: string): ProxiedClient | undefined {
    if (!this.includes(peer)) return undefined;
    // Each proxy adds who it was connected to; the first one from the right that is no proxy of ours is the client. Where
    // that can't be read it is not known, and what is known is who sent it.
    let address = plainAddress(peer);
    let hop: Hop = {};
    for (const next of this.#hops(headers).slice(-MAX_HOPS).toReversed()) {
      hop = { ...hop, ...next };
      if (next.address === undefined) break;
      address = next.address;
      if (!this.includes(address)) break;
    }
    const { tellScheme, tellHost } = this.#settings;
    return {
      address,
      scheme: tellScheme ? hop.scheme : undefined,
      host: tellHost ? hop.host : undefined,
    };
  }

  #hops(headers: Headers): readonly Hop[] {
    const { header, tellScheme, tellHost } = this.#settings;
    const told = headers.get(header);
    if (header === FORWARDED) return told === null ? [] : (parseForwarded(told) ?? []);
    const schemes = tellScheme ? headers.get("X-Forwarded-Proto") : null;
    const hosts = tellHost ? headers.get("X-Forwarded-Host") : null;
    if (told !== null) return hopsOfLists(told, schemes, hosts);
    // A proxy that tells no address may tell the rest, of its own client.
    const last = (list: string | null) => list?.split(",").at(-1)?.trim();
    return [hopOf(undefined, last(schemes), last(hosts))];
  }
}
