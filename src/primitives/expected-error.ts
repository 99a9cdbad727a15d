/** What kind of failure an error tells of. Exit codes and HTTP statuses follow from it, so a kind never changes its meaning. */
export type ErrorKind =
  /** A flag, a setting or a command line is not what it should be. */
  | "usage"
  /** An argument of an operation is not what it should be. */
  | "invalid"
  /** The one who asked may not do it, or the rules forbid it. */
  | "refused"
  | "not-found"
  /** What is there does not allow the change, or has changed meanwhile. */
  | "conflict"
  /** Too much is under way; the same may work later. */
  | "busy"
  /** A file does not hold what was written to it: the operator must look at it. */
  | "damaged"
  /** A directory, file, address or setting of the server can't be used. */
  | "unusable"
  /** All was done but what the message names. */
  | "incomplete";

/**
 * A failure that is no bug of the program: its message is one line that the user who caused it may read. Whatever else is
 * thrown is a bug: it is logged with its stack, and users learn nothing of it; see `failureOf`.
 */
export class ExpectedError extends Error {
  override readonly name: string = "ExpectedError";
  readonly kind: ErrorKind = "refused";
}

/** What an error says, as it is; for operators. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
