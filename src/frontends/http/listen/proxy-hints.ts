import { plainAddress } from "../../../primitives/net/client-network.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

/** Untrusted requests are checked up to this number, then only each `SAMPLE`th: a forgotten proxy sends the header in all. */
const FIRST_REQUESTS = 1000;
const SAMPLE = 64;

type Warn = (topic: string, message: string) => void;

/** Warns the operator, once each, about ignored proxy headers: a setting is missing, or a client forges them. */
export class ProxyHints {
  readonly #settings: ProxySettings;
  readonly #warn: Warn;
  #untrusted = 0;
  #hasWarnedOfUntrusted = false;
  #hasWarnedOfTrusted = false;

  constructor(settings: ProxySettings, warn: Warn) {
    this.#settings = settings;
    this.#warn = warn;
  }

  /** Checks a request whose peer is not a trusted proxy. */
  noteUntrusted({ headers }: Request, peer: () => string): void {
    if (this.#hasWarnedOfUntrusted) return;
    if (this.#untrusted++ >= FIRST_REQUESTS && this.#untrusted % SAMPLE > 0) return;
    if (!(headers.has("X-Forwarded-For") || headers.has("Forwarded"))) return;
    this.#hasWarnedOfUntrusted = true;
    this.#warn(
      "stranger",
      `${plainAddress(peer())} sends Forwarded or X-Forwarded-For, which is ignored; if it is your proxy, set --frontend-http-trusted-proxy`,
    );
  }

  /** Checks a request from a trusted proxy. */
  noteTrusted({ headers }: Request, peer: string): void {
    if (this.#hasWarnedOfTrusted) return;
    const { header, trustsScheme, trustsHost } = this.#settings;
    const sent = (name: string, parameter: RegExp) =>
      header === "forwarded" ? parameter.test(headers.get("Forwarded") ?? "") : headers.has(name);
    const ignored = [
      ...(!trustsScheme && sent("X-Forwarded-Proto", /proto=/i)
        ? ["the scheme (trusted with --frontend-http-proxy-scheme)"]
        : []),
      ...(!trustsHost && sent("X-Forwarded-Host", /host=/i)
        ? ["the host (trusted with --frontend-http-proxy-host)"]
        : []),
      ...(!headers.has(header) && (headers.has("X-Forwarded-For") || headers.has("Forwarded"))
        ? [`the client address in another header than ${header} (set by --frontend-http-proxy-header)`]
        : []),
    ];
    if (ignored.length === 0) return;
    this.#hasWarnedOfTrusted = true;
    this.#warn("proxy", `headers of the proxy ${plainAddress(peer)} are ignored: ${ignored.join(", ")}`);
  }
}
