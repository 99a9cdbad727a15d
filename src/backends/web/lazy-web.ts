import { Semaphore } from "../../primitives/bounds/semaphore.ts";
import type { WebCalls, WebRequest, WebResponse } from "./requests/web-calls.ts";
import type { WebServices } from "./requests/web-services.ts";

/** Requests that are handled at once; the main thread does their work between that of pushes. */
const AT_ONCE = 4;
const MAX_WAITING = 100;

/** Loads the pages and the API with their libraries at the first request, so that a server without visitors has no cost of them. */
export class LazyWeb implements WebCalls {
  readonly #services: WebServices;
  readonly #slots = new Semaphore(AT_ONCE, MAX_WAITING);
  #loaded: Promise<WebCalls> | undefined;

  constructor(services: WebServices) {
    this.#services = services;
  }

  /** Rejects with `OverloadedError` if too many requests wait. */
  handle(request: WebRequest): Promise<WebResponse> {
    return this.#slots.run(async () => {
      this.#loaded ??= this.#load();
      return (await this.#loaded).handle(request);
    });
  }

  async #load(): Promise<WebCalls> {
    const { WebBackend } = await import("./web-backend.ts");
    return new WebBackend(this.#services);
  }
}
