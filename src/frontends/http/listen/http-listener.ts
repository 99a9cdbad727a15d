import { isIP } from "node:net";
import { nextTurn } from "../../../primitives/jobs/next-turn.ts";
import type { ListenAddress } from "../../../primitives/net/listen-address.ts";
import { ListenError } from "../../listen-error.ts";
import { ClientConnection } from "../requests/client-connection.ts";
import type { Certificate } from "./certificates.ts";

export const LISTEN_SETTING = "frontend-http-listen-http";
export const LISTEN_TLS_SETTING = "frontend-http-listen-https";

/** Enough for a slow line. Browsers also open connections in advance, and reconnect when those are closed. */
const FIRST_HEAD_SECONDS = 30;
/** Idle timeout after the first request head: the runtime's maximum, for slow clients in the middle of a layer. */
const IDLE_TIMEOUT_SECONDS = 255;

/** Turns of the event loop after which the listener's backlog has been accepted. */
const ACCEPT_TURNS = 3;

type RequestHandler = (request: Request, connection: ClientConnection) => Promise<Response>;

export interface ListenerOptions {
  /** Whether other listeners share the port (SO_REUSEPORT); the kernel spreads connections over them. */
  readonly isShared: boolean;
  /** Certificates for TLS; without them the listener is plain HTTP. */
  readonly certificates?: readonly Certificate[];
  readonly handle: RequestHandler;
  /** Makes the response when the runtime reports an error. */
  readonly onError: (error: unknown) => Response;
  /** Timeout for the whole head of a connection's first request. */
  readonly firstHeadSeconds?: number;
}

/** One listening socket, HTTP or HTTPS. */
export class HttpListener {
  readonly address: ListenAddress;
  readonly #server: Bun.Server<undefined>;

  /** Throws `ListenError`. */
  constructor(listen: ListenAddress, options: ListenerOptions) {
    const { isShared, certificates, handle, onError, firstHeadSeconds = FIRST_HEAD_SECONDS } = options;
    try {
      this.#server = Bun.serve({
        ...listen,
        reusePort: isShared,
        // The runtime's development error page shows source code.
        development: false,
        idleTimeout: firstHeadSeconds,
        // The handlers bound bodies: manifests have a limit, layers may have any size.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        fetch: (request, server) => {
          const connection = new ClientConnection(request, server);
          connection.closeIfIdleFor(IDLE_TIMEOUT_SECONDS);
          return handle(request, connection);
        },
        error: onError,
        ...(certificates && { tls: tlsOptions(certificates) }),
      });
    } catch (error) {
      const [what, setting] = certificates ? ["HTTPS", LISTEN_TLS_SETTING] : ["HTTP", LISTEN_SETTING];
      throw new ListenError(what ?? "", listen, setting ?? "", error);
    }
    this.address = { hostname: listen.hostname, port: this.#server.port ?? listen.port };
  }

  /** Requests in progress, including those whose response the client has not read yet. */
  get pending(): number {
    return this.#server.pendingRequests;
  }

  /**
   * Like `drain`, after another listener on the same port has taken over. First accepts the connections that the kernel
   * has queued for this listener, because closing it would reset them.
   */
  async handOver(): Promise<void> {
    for (let turn = 0; turn < ACCEPT_TURNS; turn++) await nextTurn();
    await this.drain();
  }

  /** Stops accepting, and resolves once the requests in progress are done. */
  async drain(): Promise<void> {
    await this.#server.stop(false);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#server.stop(true);
  }
}

/** TLS 1.2 with forward secrecy and AEAD only (RFC 9325, section 4.2); TLS 1.3 has no other ciphers. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** The runtime selects by SNI; a client that sends no name, or connects by address, gets the first certificate. */
function tlsOptions(certificates: readonly Certificate[]): Bun.TLSOptions[] {
  return certificates.flatMap(({ names, certificate, key }) => {
    const hosts = names.filter((name) => isIP(name) === 0);
    const pair = { cert: certificate, key, ciphers: CIPHERS };
    return hosts.length === 0 ? [pair] : hosts.map((serverName) => ({ ...pair, serverName }));
  });
}
