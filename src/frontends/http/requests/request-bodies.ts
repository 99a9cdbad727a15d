import type { ResponseBodies } from "../../../registry/requests/registry-request.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { SharedBodies } from "./shared-bodies.ts";
import type { WaitingBodies } from "./waiting-bodies.ts";

/** What may be long in the answer to one request, among all that a thread sends. */
export class RequestBodies implements ResponseBodies {
  readonly #lists: WaitingBodies;
  readonly #manifests: SharedBodies;
  readonly #request: Request;
  readonly #connection: ClientConnection;

  constructor(lists: WaitingBodies, manifests: SharedBodies, request: Request, connection: ClientConnection) {
    this.#lists = lists;
    this.#manifests = manifests;
    this.#request = request;
    this.#connection = connection;
  }

  list(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined {
    return this.#lists.body(content, this.#request, this.#connection);
  }

  manifest(content: Uint8Array<ArrayBuffer>): Bun.BodyInit | undefined {
    // Without its length, but where clients that read nothing have to go; what is shared could be kept waiting by a few.
    return this.#manifests.body(content) ?? this.list(content);
  }
}
