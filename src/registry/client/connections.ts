import { X509Certificate } from "node:crypto";
import { lookup as systemLookup } from "node:dns";
import { Agent as HttpAgent, type RequestOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import type { DirectRequest } from "../../primitives/net/direct-response.ts";
import { isPrivateAddress } from "../../primitives/net/private-address.ts";
import { type Environment, portOf, proxyFor } from "./proxies.ts";
import { proxyAuthorization, TunnelAgent } from "./proxy-tunnel.ts";

/** All addresses of a host name. Rejects as `dns.lookup` does. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses.map(({ address }) => address));
    });
  });

/** Upstream leads to an address where it has no business. */
export class PrivateAddressError extends Error {}

/** The CA of upstream can't be read. */
export class UnusableCaError extends Error {}

export interface ConnectionOptions {
  /** Upstream's own origin, which may have a private address. */
  readonly origin: string;
  readonly ca: (() => string) | undefined;
  readonly allowsPrivate: boolean;
  readonly silenceMs: number;
  readonly environment: Environment;
  readonly resolve: Resolve;
}

/** Idle connections are closed after this time (ms). */
const IDLE_MS = 15_000;
const MAX_IDLE = 8;
const POOL = { keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS } as const;
/** In bytes, of a response; a signed address in `Location` has some KiB. */
const MAX_HEADERS = 32 * 1024;

/**
 * How a URL is connected to: by which proxy, with which CAs, and whether to any address. A name is checked by the addresses
 * that the connection then uses, so that it can't resolve to another one in between.
 */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #agents = new Map<string, HttpAgent>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** `isTrusted`: the operator has named this place. Rejects with `PrivateAddressError`. */
  async requestOptions(url: URL, isTrusted: boolean): Promise<RequestOptions & { readonly ca?: string[] }> {
    const { allowsPrivate, environment } = this.#options;
    const isGuarded = !isTrusted && !allowsPrivate;
    const host = hostOf(url);
    if (isGuarded && isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateAddressError(host);
    const proxy = proxyFor(url, environment);
    if (proxy && isGuarded) await this.#checkName(host);
    const agent = this.#agent(url, proxy, isGuarded);
    const common = { agent, maxHeaderSize: MAX_HEADERS, method: "GET" };
    if (proxy && url.protocol === "http:") return { ...common, ...throughProxy(proxy, url) };
    const ca = this.#caOf(url);
    return {
      ...common,
      host,
      port: portOf(url),
      path: `${url.pathname}${url.search}`,
      ...(ca && { ca }),
      ...(isGuarded && { lookup: this.#guardedLookup }),
    };
  }

  /** How `DirectResponse` reaches a place; `undefined` where it can't. Rejects as `requestOptions` does. */
  async directTarget(
    url: URL,
    isTrusted: boolean,
  ): Promise<Pick<DirectRequest, "hostname" | "port" | "tls"> | undefined> {
    const { allowsPrivate, environment, resolve } = this.#options;
    const host = hostOf(url);
    const isTls = url.protocol === "https:";
    // What certificates say of addresses is left to the usual connections.
    if (proxyFor(url, environment) || (isTls && isIP(host) !== 0)) return undefined;
    const isGuarded = !isTrusted && !allowsPrivate;
    const addresses = !isGuarded || isIP(host) !== 0 ? [host] : await resolve(host);
    const hostname = isGuarded ? addresses.find((address) => !isPrivateAddress(address)) : host;
    if (hostname === undefined) throw new PrivateAddressError(host);
    return {
      hostname,
      port: Number(portOf(url)),
      tls: isTls ? { serverName: host, ca: this.#caOf(url) } : undefined,
    };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** Other hosts, such as those of storage that upstream redirects to, may have certificates of public CAs. */
  #caOf(url: URL): string[] | undefined {
    const { origin, ca } = this.#options;
    if (!ca) return undefined;
    return url.origin === origin ? [readCa(ca)] : [readCa(ca), ...rootCertificates];
  }

  /** Connections of guarded requests are never those of others. */
  #agent(url: URL, proxy: URL | undefined, isGuarded: boolean): HttpAgent {
    const key = `${url.protocol} ${proxy?.href ?? ""} ${isGuarded}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const agent = this.#newAgent(url, proxy);
    this.#agents.set(key, agent);
    return agent;
  }

  #newAgent(url: URL, proxy: URL | undefined): HttpAgent {
    if (url.protocol !== "https:") return new HttpAgent(POOL);
    return proxy ? new TunnelAgent(proxy, this.#options.silenceMs, POOL) : new HttpsAgent(POOL);
  }

  /** A name that only the proxy can resolve is left to the proxy. */
  async #checkName(host: string): Promise<void> {
    const addresses = isIP(host) === 0 ? await this.#options.resolve(host).catch(() => []) : [];
    if (addresses.some(isPrivateAddress)) throw new PrivateAddressError(host);
  }

  readonly #guardedLookup: LookupFunction = (hostname, options, callback) => {
    this.#options.resolve(hostname).then(
      (found) => {
        const addresses = found.filter((address) => !isPrivateAddress(address));
        const [first] = addresses;
        if (first === undefined) callback(new PrivateAddressError(hostname), "", 0);
        else if (!options.all) callback(null, first, isIP(first));
        else
          callback(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          );
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 0),
    );
  };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function readCa(read: () => string): string {
  try {
    return read();
  } catch (error) {
    throw new UnusableCaError(error instanceof Error ? error.message : "its CA can't be read");
  }
}

/** Whether a text begins with a certificate in PEM, perhaps after comments. */
export function holdsCertificate(text: string): boolean {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
}

function throughProxy(proxy: URL, url: URL): RequestOptions {
  const authorization = proxyAuthorization(proxy);
  const headers = { Host: url.host, ...(authorization && { "Proxy-Authorization": authorization }) };
  const host = proxy.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: portOf(proxy), path: url.href, headers };
}
