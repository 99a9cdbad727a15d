import { ExpectedError } from "../../expected-error.ts";

/**
 * The files of a store are inconsistent: it must not be served, written to or garbage-collected before an operator has
 * repaired it. The message names the file and what to do.
 */
export class DamagedStoreError extends ExpectedError {
  override readonly name = "DamagedStoreError";
  override readonly kind = "damaged";
  readonly store: string;

  constructor(store: string, reason: string, options?: ErrorOptions) {
    super(`the store '${store}' is damaged: ${reason}`, options);
    this.store = store;
  }
}
