import { ExpectedError } from "../primitives/expected-error.ts";

/*
 * The reasons for which operations refuse a request. Each frontend adds its own hint, such as an option of a command.
 */

/** The actor may not do this, nobody may by a setting of the registry, or the actor may not learn whether the thing exists. */
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

/** Nothing with this name exists. */
export class NotFoundError extends ExpectedError {
  override readonly name: string = "NotFoundError";
  override readonly kind = "not-found";
}

/** A registry that serves a past state accepts no changes. */
export class FrozenError extends ExpectedError {
  override readonly name = "FrozenError";
}

/** An argument, or a combination of them, is invalid. */
export class InvalidArgumentError extends ExpectedError {
  override readonly name: string = "InvalidArgumentError";
  override readonly kind = "invalid";
}

/** The current state does not allow the change. */
export class ConflictError extends ExpectedError {
  override readonly name: string = "ConflictError";
  override readonly kind = "conflict";
}

/** What is to be created exists already. */
export class ExistsError extends ExpectedError {
  override readonly name = "ExistsError";
  override readonly kind = "unchanged";
}

/** Too many attempts were made; the message says when another may be. */
export class TryLaterError extends ExpectedError {
  override readonly name = "TryLaterError";
  override readonly kind = "busy";
}

/** The operation has a consequence that the actor must confirm first. */
export class UnconfirmedError extends ExpectedError {
  override readonly name = "UnconfirmedError";
  override readonly kind = "invalid";
}
