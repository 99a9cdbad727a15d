import { plainAddress } from "../../primitives/client-network.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

type Warn = (topic: string, message: string) => void;

/** Tells the operator, once each, what proxies say without being believed: by mistake, or by somebody who tries. */
export class ProxyHints {
  readonly #settings: ProxySettings;
  readonly #warn: Warn;
  #strangerTold = false;
  #proxyTold = false;

  constructor(settings: ProxySettings, warn: Warn) {
    this.#settings = settings;
    this.#warn = warn;
  }

  /** A request whose peer is none of the trusted proxies. */
  ofStranger({ headers }: Request, peer: () => string): void {
    if (this.#strangerTold || !(headers.has("X-Forwarded-For") || headers.has("Forwarded"))) return;
    this.#strangerTold = true;
    this.#warn(
      "stranger",
      `${plainAddress(peer())} names another client in Forwarded or X-Forwarded-For and is not believed; a proxy of yours is named by --frontend-http-trusted-proxy`,
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
        ? ["the scheme (take it by --frontend-http-proxy-scheme)"]
        : []),
      ...(!tellHost && sent("X-Forwarded-Host", /host=/i)
        ? ["the host (take it by --frontend-http-proxy-host)"]
        : []),
      ...(!headers.has(header) && (headers.has("X-Forwarded-For") || headers.has("Forwarded"))
        ? [`the client by another header than ${header} (name it by --frontend-http-proxy-header)`]
        : []),
    ];
    if (ignored.length === 0) return;
    this.#proxyTold = true;
    this.#warn("proxy", `the proxy ${plainAddress(peer)} tells what is not believed: ${ignored.join(", ")}`);
  }
}
