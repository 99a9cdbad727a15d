import { ExpectedError } from "../../../primitives/expected-error.ts";

/** The primary can't be reached, or does not give what was asked for. The message is a line for the operator. */
export class PrimaryError extends ExpectedError {
  override readonly name = "PrimaryError";
  override readonly kind = "unavailable";
  /** How long to wait before the next request, as the primary said (ms). */
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, { retryAfterMs }: { readonly retryAfterMs?: number | undefined } = {}) {
    super(reason);
    this.retryAfterMs = retryAfterMs;
  }
}
