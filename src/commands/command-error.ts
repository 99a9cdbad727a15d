import { ExpectedError } from "../primitives/expected-error.ts";

/** A command can't do what it was asked for, or has found what it was to look for. */
export class CommandError extends ExpectedError {
  override readonly name = "CommandError";
  override readonly kind = "incomplete";
}
