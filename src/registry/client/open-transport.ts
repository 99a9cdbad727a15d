import { VERSION } from "../../primitives/version.ts";
import { Connections, systemResolve } from "./connections.ts";
import { Exchange } from "./exchange.ts";
import { Transport } from "./transport.ts";
import type { UpstreamOptions } from "./upstream-options.ts";

const SILENCE_MS = 30_000;

/** A transport with connections of its own. */
export interface OpenedTransport {
  readonly transport: Transport;
  close(): void;
}

export function openTransport(options: UpstreamOptions): OpenedTransport {
  const { url: upstream, realm, credentials, allowsPrivate = false, silenceMs = SILENCE_MS } = options;
  const { environment = process.env, resolve = systemResolve } = options;
  const { origin } = upstream;
  const ca = typeof options.ca === "string" ? () => `${options.ca}` : options.ca;
  const connections = new Connections({ origin, ca, allowsPrivate, silenceMs, environment, resolve });
  const exchange = new Exchange({
    connections,
    userAgent: `everlock/${VERSION.everlock}`,
    silenceMs,
    name: upstream.base,
  });
  const transport = new Transport({ upstream, exchange, credentials, realm });
  return {
    transport,
    close() {
      transport.close();
      connections.close();
    },
  };
}
