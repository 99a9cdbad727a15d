import { ExpectedError } from "../primitives/expected-error.ts";

/** Why an operation refuses what it is asked for. Each frontend adds its own hint, such as an option of a command. */
abstract class Refusal extends ExpectedError {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The actor may not do this, or may not know whether what it names exists. */
export class NotAllowedError extends Refusal {}

/** Only system administrators may do this. */
export class AdministratorOnlyError extends NotAllowedError {
  constructor(what: string, user: string) {
    super(`${what} requires a system administrator (owner on */*/*), which '${user}' is not`);
  }
}

/** There is nothing of this name. */
export class NotFoundError extends Refusal {}

/** A registry that serves a past state accepts no changes. */
export class FrozenError extends Refusal {}

/** The arguments make no sense, alone or together. */
export class InvalidArgumentError extends Refusal {}

/** What is there does not allow the change. */
export class ConflictError extends Refusal {}

/** The operation has a consequence that the actor must confirm first. */
export class UnconfirmedError extends Refusal {}
