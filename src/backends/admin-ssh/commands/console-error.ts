import { ExpectedError } from "../../../primitives/expected-error.ts";

/** A line that is no command, or has wrong words. The message says what would be right. */
export class ConsoleError extends ExpectedError {
  override readonly name = "ConsoleError";
}
