/** The connection of a request. */
export class ClientConnection {
  readonly #request: Request;
  readonly #server: Bun.Server<undefined>;
  #peer: string | undefined;

  constructor(request: Request, server: Bun.Server<undefined>) {
    this.#request = request;
    this.#server = server;
  }

  /** The peer's address, which may be a proxy's; "unknown" once the client has disconnected. */
  get peer(): string {
    this.#peer ??= this.#server.requestIP(this.#request)?.address;
    return this.#peer ?? "unknown";
  }

  /** Sets the idle timeout. */
  closeIfIdleFor(seconds: number): void {
    this.#server.timeout(this.#request, seconds);
  }
}
