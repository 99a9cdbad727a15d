import type { ListenAddress } from "../../../primitives/net/listen-address.ts";
import type { AccessLogTarget } from "../requests/access-log.ts";
import type { LimitSettings } from "./http-limits.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

/** Settings of the HTTP frontend, the same on every thread. Plain data. */
export interface HttpSettings {
  readonly listen: ListenAddress;
  /** `undefined`: no HTTPS. */
  readonly listenTls: ListenAddress | undefined;
  /** Whether plain HTTP redirects to HTTPS. */
  readonly redirectsToTls: boolean;
  /** `max-age` of Strict-Transport-Security in responses over TLS (RFC 6797); `undefined`: no such header. */
  readonly hstsSeconds: number | undefined;
  readonly proxies: ProxySettings;
  /** The path below which a proxy shows the registries; empty: at the root. */
  readonly pathPrefix: string;
  /** The origins whose web pages may use the registries, each of which `parseAllowedOrigin` returned. */
  readonly crossOrigins: readonly string[];
  readonly limits: LimitSettings;
  /** Maximal connections of one address; `undefined`: derived from the limit on open files. */
  readonly connectionsPerAddress: number | undefined;
  /** Other ports whose connections count against the same limits. */
  readonly otherGuardedPorts: readonly number[];
  readonly accessLog: AccessLogTarget | undefined;
  /** How long a stop waits for requests in progress. */
  readonly stopTimeoutMs: number;
}

/** The addresses that HTTP listens on, with the ports that the kernel chose. */
export interface HttpAddresses {
  readonly plain: ListenAddress;
  readonly tls: ListenAddress | undefined;
}
