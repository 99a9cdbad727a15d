/** What kind of failure an error tells of. Exit codes and HTTP statuses follow from it, so a kind never changes its meaning. */
export type ErrorKind =
  /** A flag, a setting or a command line is invalid. */
  | "usage"
  /** An argument of an operation is invalid. */
  | "invalid"
  /** The actor lacks the right, or a rule forbids the operation. */
  | "refused"
  | "not-found"
  /** The current state does not allow the change, or has changed in the meantime. */
  | "conflict"
  /** It is so already: the thing exists, or there is nothing to do. */
  | "unchanged"
  /** Too many operations are in progress; a retry may succeed. */
  | "busy"
  /** A service that Everlock depends on, such as an object store, can't be reached; a retry may succeed. */
  | "unavailable"
  /** A file is damaged; the operator must inspect it. */
  | "damaged"
  /** A directory, file, address or setting of the server can't be used. */
  | "unusable"
  /** Everything was done except what the message names. */
  | "incomplete";

/**
 * A failure that is no bug of the program: its message is one line that the user who caused it may read. Whatever else is
 * thrown is a bug: it is logged with its stack, and users learn nothing of it; see `failureOf`.
 */
export class ExpectedError extends Error {
  override readonly name: string = "ExpectedError";
  readonly kind: ErrorKind;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  constructor(message: string, options: ExpectedErrorOptions = {}) {
    super(message, options);
    this.kind = options.kind ?? "refused";
    this.hint = options.hint;
  }
}

export interface ExpectedErrorOptions extends ErrorOptions {
  readonly kind?: ErrorKind;
  readonly hint?: string | undefined;
}

/** What an error says, as it is; for operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
