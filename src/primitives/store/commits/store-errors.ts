import { ExpectedError } from "../../expected-error.ts";
import type { StorePath } from "./store-path.ts";

/** The store has changed since the caller read it; nothing was written. */
export class StaleReadError extends ExpectedError {
  override readonly name: string = "StaleReadError";
  override readonly kind = "conflict";
  constructor(path: StorePath) {
    super(`'${path}' has changed meanwhile`);
  }
}

/** The store was closed before the commit began, as in a stop; nothing was changed. */
export class StoreClosedError extends ExpectedError {
  override readonly name: string = "StoreClosedError";
  override readonly kind = "busy";
  constructor(store: string) {
    super(`the store '${store}' is closed`);
  }
}
