import { ExpectedError } from "../primitives/expected-error.ts";

/*
 * Why an operation refuses what it is asked for. Each frontend adds its own hint, such as an option of a command.
 */

/** The actor may not do this, or may not know whether what it names exists. */
export class NotAllowedError extends ExpectedError {
  override readonly name: string = "NotAllowedError";
}

/** Only system administrators may do this. */
export class AdministratorOnlyError extends NotAllowedError {
  override readonly name = "AdministratorOnlyError";

  constructor(what: string, user: string) {
    super(`${what} requires a system administrator (owner on */*/*), which '${user}' is not`);
  }
}

/** There is nothing of this name. */
export class NotFoundError extends ExpectedError {
  override readonly name: string = "NotFoundError";
  override readonly kind = "not-found";
}

/** A registry that serves a past state accepts no changes. */
export class FrozenError extends ExpectedError {
  override readonly name = "FrozenError";
}

/** The arguments make no sense, alone or together. */
export class InvalidArgumentError extends ExpectedError {
  override readonly name: string = "InvalidArgumentError";
  override readonly kind = "invalid";
}

/** What is there does not allow the change. */
export class ConflictError extends ExpectedError {
  override readonly name: string = "ConflictError";
  override readonly kind = "conflict";
}

/** The operation has a consequence that the actor must confirm first. */
export class UnconfirmedError extends ExpectedError {
  override readonly name = "UnconfirmedError";
}
