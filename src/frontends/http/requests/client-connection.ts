/** The connection that a request came on, as far as the runtime lets it be reached. */
export class ClientConnection {
  readonly #request: Request;
  readonly #server: Bun.Server<undefined>;
  #peer: string | undefined;

  constructor(request: Request, server: Bun.Server<undefined>) {
    this.#request = request;
    this.#server = server;
  }

  /** The address of who is connected, be it a proxy's. */
  get peer(): string {
    this.#peer ??= this.#server.requestIP(this.#request)?.address;
    return this.#peer ?? "unknown";
  }

  /** Closes it once it is silent for about so long. */
  closeIfIdleFor(seconds: number): void {
    this.#server.timeout(this.#request, seconds);
  }
}
