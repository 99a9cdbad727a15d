import type { ListenAddress } from "../../../primitives/net/listen-address.ts";
import type { AccessLogTarget } from "../requests/access-log.ts";
import type { LimitSettings } from "./http-limits.ts";
import type { ProxySettings } from "./trusted-proxies.ts";

/** How HTTP is served, on every thread alike. Plain data. */
export interface HttpSettings {
  readonly listen: ListenAddress;
  /** Without it nothing is served over TLS. */
  readonly listenTls: ListenAddress | undefined;
  /** Whether requests over plain HTTP are sent to HTTPS. */
  readonly redirectsToTls: boolean;
  /** For how many seconds answers over TLS bind browsers to it (RFC 6797); `undefined`: not at all. */
  readonly hstsSeconds: number | undefined;
  readonly proxies: ProxySettings;
  readonly limits: LimitSettings;
  /** Connections that one address may have open; `undefined`: as many as the limit on open files suggests. */
  readonly connectionsPerAddress: number | undefined;
  /** Where this server also takes connections that are bounded together with those of HTTP. */
  readonly alsoGuarded: readonly number[];
  readonly accessLog: AccessLogTarget | undefined;
  /** How long a stop waits for the requests under way, in milliseconds. */
  readonly stopTimeoutMs: number;
}

/** Where HTTP is served in the end, with the ports that the system chose. */
export interface HttpAddresses {
  readonly plain: ListenAddress;
  readonly tls: ListenAddress | undefined;
}
