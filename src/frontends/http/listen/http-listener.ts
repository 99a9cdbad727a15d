import { isIP } from "node:net";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import type { ListenAddress } from "../../../primitives/net/listen-address.ts";
import { ListenError } from "../../listen-error.ts";
import { ClientConnection } from "../requests/client-connection.ts";
import type { Certificate } from "./certificates.ts";

export const LISTEN_SETTING = "frontend-http-listen-http";
export const LISTEN_TLS_SETTING = "frontend-http-listen-https";

/** Enough for a slow line; a browser opens connections in advance, and opens others when these are gone. */
const FIRST_HEAD_SECONDS = 30;
/** Seconds that it may be silent from then on: the runtime's longest, for slow clients in the middle of a layer. */
const IDLE_TIMEOUT_SECONDS = 255;

/** Turns of the event loop after which what waited to be accepted has been. */
const ACCEPT_TURNS = 3;

type Answer = (request: Request, connection: ClientConnection) => Promise<Response>;

export interface ListenerOptions {
  /** Whether others listen on the same port; the system spreads the connections over them. */
  readonly isShared: boolean;
  /** The server's certificates for TLS; without, it is plain HTTP. */
  readonly certificates?: readonly Certificate[];
  readonly answer: Answer;
  readonly failed: (error: unknown) => Response;
  /** Seconds after which a connection is closed that has not sent the whole head of its first request. */
  readonly firstHeadSeconds?: number;
}

/** One listening socket of HTTP, plain or with TLS. */
export class HttpListener {
  readonly address: ListenAddress;
  readonly #server: Bun.Server<undefined>;

  /** Throws `ListenError`. */
  constructor(listen: ListenAddress, options: ListenerOptions) {
    const { isShared, certificates, answer, failed, firstHeadSeconds = FIRST_HEAD_SECONDS } = options;
    try {
      this.#server = Bun.serve({
        ...listen,
        reusePort: isShared,
        // The runtime's page for developers shows source code.
        development: false,
        idleTimeout: firstHeadSeconds,
        // The bounds are the handlers': a manifest has one, a layer may be of any size.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        fetch: (request, server) => {
          const connection = new ClientConnection(request, server);
          connection.closeIfIdleFor(IDLE_TIMEOUT_SECONDS);
          return answer(request, connection);
        },
        error: failed,
        ...(certificates && { tls: tlsOptions(certificates) }),
      });
    } catch (error) {
      const [what, setting] = certificates ? ["HTTPS", LISTEN_TLS_SETTING] : ["HTTP", LISTEN_SETTING];
      throw new ListenError(what ?? "", listen, setting ?? "", error);
    }
    this.address = { hostname: listen.hostname, port: this.#server.port ?? listen.port };
  }

  /** Requests that are handled, or whose answers their clients have not taken yet. */
  get pending(): number {
    return this.#server.pendingRequests;
  }

  /**
   * Like `drain`, when another listener has taken over: connections that the system has given to this one already are
   * accepted first, or they would be reset.
   */
  async handOver(): Promise<void> {
    for (let turn = 0; turn < ACCEPT_TURNS; turn++) await nextTurn();
    await this.drain();
  }

  /** Takes no new connections, and resolves once the requests under way are answered. */
  async drain(): Promise<void> {
    await this.#server.stop(false);
  }

  /** Closes what is still open. */
  async close(): Promise<void> {
    await this.#server.stop(true);
  }
}

/** Of TLS 1.2 what has forward secrecy and authenticates what it encrypts (RFC 9325, section 4.2); TLS 1.3 has no other. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** By the name that a client asks for (SNI); without one, or by an address, it gets the first certificate. */
function tlsOptions(certificates: readonly Certificate[]): Bun.TLSOptions[] {
  return certificates.flatMap(({ names, certificate, key }) => {
    const hosts = names.filter((name) => isIP(name) === 0);
    const pair = { cert: certificate, key, ciphers: CIPHERS };
    return hosts.length === 0 ? [pair] : hosts.map((serverName) => ({ ...pair, serverName }));
  });
}
