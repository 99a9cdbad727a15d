import { FairSemaphore } from "../../primitives/bounds/fair-semaphore.ts";
import { lazily } from "../../primitives/lazily.ts";
import { networkOf } from "../../primitives/net/client-network.ts";
import { ANONYMOUS } from "../../primitives/users/user.ts";
import type { WebCalls, WebRequest, WebResponse } from "./requests/web-calls.ts";
import type { WebServices } from "./requests/web-services.ts";

/** Requests that are handled at once; the main thread does their work between that of pushes. One client never has all of them. */
const BOUNDS = { slots: 4, slotsOfOwner: 3, maxWaiting: 100 };

/** Loads the pages and the API with their libraries at the first request, so that a server without visitors has no cost of them. */
export class LazyWeb implements WebCalls {
  readonly #slots = new FairSemaphore(BOUNDS);
  readonly #backend: () => Promise<WebCalls>;

  constructor(services: WebServices) {
    this.#backend = lazily(async () => {
      const { WebBackend } = await import("./web-backend.ts");
      return new WebBackend(services);
    });
  }

  /** Rejects with `OverloadedError` if too many requests wait. */
  handle(request: WebRequest): Promise<WebResponse> {
    return this.#slots.run(clientOf(request), async () => (await this.#backend()).handle(request));
  }
}

/** The client with which others take turns: a user, or the network of those without a login. */
function clientOf({ login: { user }, remote }: WebRequest): string {
  return user === ANONYMOUS ? `at ${networkOf(remote)}` : `user ${user}`;
}
