/** Why upstream gave no content. Reasons are one line of plain text, which names upstream and the cause, and no secret. */
export type UpstreamFailure =
  /** Upstream says that it does not have it. */
  | { readonly kind: "unknown" }
  /** Upstream wants other credentials, or any. */
  | { readonly kind: "denied"; readonly reason: string }
  /** Too many requests, as upstream counts them; `retryAfterMs`: `undefined` if upstream does not say how long to wait. */
  | { readonly kind: "limited"; readonly retryAfterMs: number | undefined; readonly reason: string }
  /** Upstream can't be reached, is silent, or failed. A later request may succeed. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** Upstream sent, or asks for, what must not be accepted: a wrong digest, a redirect to a private address. */
  | { readonly kind: "invalid"; readonly reason: string };

export type UpstreamAnswer<T> = ({ readonly kind: "found" } & T) | UpstreamFailure;

/** A body that upstream began to send has ended in a failure: what was read of it is not the whole. */
export class UpstreamBodyError extends Error {
  override readonly name = "UpstreamBodyError";
  readonly failure: UpstreamFailure & { readonly reason: string };

  constructor(failure: UpstreamFailure & { readonly reason: string }) {
    super(failure.reason);
    this.failure = failure;
  }
}
