import { plainAddress } from "../../../primitives/net/client-network.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

/** Untrusted requests are checked up to this number, then only each `SAMPLE`th: a forgotten proxy sends the header in all. */
const FIRST_REQUESTS = 1000;
const SAMPLE = 64;

const HEADERS = [
  "Forwarded",
  ...["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP"],
] as const;

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
    const sent = HEADERS.filter((name) => headers.has(name));
    if (sent.length === 0) return;
    this.#hasWarnedOfUntrusted = true;
    const address = plainAddress(peer());
    this.#warn(
      "stranger",
      `${sent.join(", ")} from ${address} is ignored, because it is no trusted proxy; if it is your proxy, set --frontend-http-trusted-proxy ${address}`,
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
      ...(!(trustsScheme || trustsHost) && header !== "forwarded" && headers.has("X-Forwarded-Port")
        ? ["the port (trusted with either of --frontend-http-proxy-scheme and --frontend-http-proxy-host)"]
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
