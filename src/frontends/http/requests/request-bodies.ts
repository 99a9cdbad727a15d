import type { ResponseBodies } from "../../../registry/requests/registry-request.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { SharedBodies } from "./shared-bodies.ts";
import type { StreamedBodies } from "./streamed-bodies.ts";

/** Makes the large response bodies of one request, within the memory budgets of its thread. */
export class RequestBodies implements ResponseBodies {
  readonly #lists: StreamedBodies;
  readonly #manifests: SharedBodies;
  readonly #request: Request;
  readonly #connection: ClientConnection;

  constructor(
    lists: StreamedBodies,
    manifests: SharedBodies,
    request: Request,
    connection: ClientConnection,
  ) {
    this.#lists = lists;
    this.#manifests = manifests;
    this.#request = request;
    this.#connection = connection;
  }

  list(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined {
    return this.#lists.body(content, this.#client);
  }

  manifest(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined {
    // When the budget for shared bodies is used up, stream it: streams can drop stalled clients, at the price of no length.
    return this.#manifests.body(content) ?? this.list(content);
  }

  pieces(pieces: AsyncGenerator<Uint8Array>, length: number): Promise<Bun.BodyInit | undefined> {
    return this.#lists.pieces(pieces, length, this.#client);
  }

  /** Made when it is needed: most responses are small, and the runtime makes the signal on first use. */
  get #client(): { readonly signal: AbortSignal; readonly connection: ClientConnection } {
    return { signal: this.#request.signal, connection: this.#connection };
  }
}
