import { ExpectedError } from "../../expected-error.ts";

/**
 * The files of a store contradict each other: it must not be served, written to or collected before an operator has
 * looked at it. The message names the file and what to do.
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
