import { ExpectedError } from "../expected-error.ts";

/** The object store can't be reached, is overloaded or fails; a retry may succeed. */
export class S3UnavailableError extends ExpectedError {
  override readonly name: string = "S3UnavailableError";
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, kind: "unavailable" });
  }
}

/** A conditional write failed in a way that leaves open whether it was done: the caller must look. */
export class S3UncertainError extends ExpectedError {
  override readonly name = "S3UncertainError";
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, kind: "unavailable" });
  }
}

/** The object store refuses the request, such as for wrong keys or a bucket that does not exist; to clients it is away. */
export class S3RefusedError extends ExpectedError {
  override readonly name = "S3RefusedError";
  /** The error code of the response, such as `AccessDenied`. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message, { kind: "unavailable" });
    this.code = code;
  }
}
