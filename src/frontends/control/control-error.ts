import { ExpectedError, type ExpectedErrorOptions } from "../../primitives/expected-error.ts";

/** The running server did not do what a command of this machine asked for; the message is the server's. */
export class ControlError extends ExpectedError {
  override readonly name = "ControlError";

  constructor(message: string, options: ExpectedErrorOptions = {}) {
    super(message, { kind: "incomplete", ...options });
  }
}
