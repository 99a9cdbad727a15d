import { ExpectedError, type ExpectedErrorOptions } from "../../../primitives/expected-error.ts";

/** A line that is not a valid command. The message says what would be valid. */
export class ConsoleError extends ExpectedError {
  override readonly name = "ConsoleError";

  constructor(message: string, options: ExpectedErrorOptions = {}) {
    super(message, { kind: "usage", ...options });
  }
}
