interface WithReason {
  /** One line of plain text, which names upstream and the cause, and no secret. */
  readonly reason: string;
}

/** Why upstream gave no content, other than that it does not have it. */
export type ExplainedFailure = WithReason &
  (
    | { /** Upstream wants other credentials, or any. */ readonly kind: "denied" }
    | {
        /** Too many requests, as upstream counts them. */
        readonly kind: "limited";
        /** How long to wait; `undefined` if upstream does not say. */
        readonly retryAfterMs: number | undefined;
      }
    | {
        /** Upstream can't be reached, is silent, or failed. A later request may succeed. */ readonly kind: "unavailable";
      }
    | {
        /** Upstream sent, or asks for, what must not be accepted: a wrong digest, a redirect to a private address. */
        readonly kind: "invalid";
      }
  );

/** `unknown`: upstream says that it does not have it. */
export type UpstreamFailure = { readonly kind: "unknown" } | ExplainedFailure;

export type UpstreamAnswer<T> = ({ readonly kind: "found" } & T) | UpstreamFailure;

/** Within the client, a failure is thrown; `RegistryClient` returns it. */
export class UpstreamFault extends Error {
  override readonly name: string = "UpstreamFault";
  readonly failure: ExplainedFailure;

  constructor(failure: ExplainedFailure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** A body that upstream began to send has ended in a failure: what was read of it is not the whole. */
export class UpstreamBodyError extends UpstreamFault {
  override readonly name = "UpstreamBodyError";
}
