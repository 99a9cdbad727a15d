import { plainAddress } from "../../../primitives/net/client-network.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

/** Of the requests of strangers the first ones are looked at, then some: a proxy that was forgotten sends the header in all. */
const FIRST_REQUESTS = 1000;
const SAMPLE = 64;

type Warn = (topic: string, message: string) => void;

/** Warns the operator, once each, of proxy headers that are ignored: a setting is missing, or a client forges them. */
export class ProxyHints {
  readonly #settings: ProxySettings;
  readonly #warn: Warn;
  #strangers = 0;
  #strangerTold = false;
  #proxyTold = false;

  constructor(settings: ProxySettings, warn: Warn) {
    this.#settings = settings;
    this.#warn = warn;
  }

  /** A request whose peer is none of the trusted proxies. */
  ofStranger({ headers }: Request, peer: () => string): void {
    if (this.#strangerTold) return;
    if (this.#strangers++ >= FIRST_REQUESTS && this.#strangers % SAMPLE > 0) return;
    if (!(headers.has("X-Forwarded-For") || headers.has("Forwarded"))) return;
    this.#strangerTold = true;
    this.#warn(
      "stranger",
      `${plainAddress(peer())} sends Forwarded or X-Forwarded-For, which is ignored; if it is a proxy of yours, name it with --frontend-http-trusted-proxy`,
    );
  }

  /** A request by a trusted proxy. */
  ofProxy({ headers }: Request, peer: string): void {
    if (this.#proxyTold) return;
    const { header, tellScheme, tellHost } = this.#settings;
    const sent = (name: string, parameter: RegExp) =>
      header === "forwarded" ? parameter.test(headers.get("Forwarded") ?? "") : headers.has(name);
    const ignored = [
      ...(!tellScheme && sent("X-Forwarded-Proto", /proto=/i)
        ? ["the scheme (believed with --frontend-http-proxy-scheme)"]
        : []),
      ...(!tellHost && sent("X-Forwarded-Host", /host=/i)
        ? ["the host (believed with --frontend-http-proxy-host)"]
        : []),
      ...(!headers.has(header) && (headers.has("X-Forwarded-For") || headers.has("Forwarded"))
        ? [`the client in another header than ${header} (named by --frontend-http-proxy-header)`]
        : []),
    ];
    if (ignored.length === 0) return;
    this.#proxyTold = true;
    this.#warn("proxy", `the proxy ${plainAddress(peer)} sends what is ignored: ${ignored.join(", ")}`);
  }
}
