import { ExpectedError } from "../../../primitives/expected-error.ts";

/** What went wrong and what would be right, in one line for who typed the command. */
export class ConsoleError extends ExpectedError {
  override readonly name = "ConsoleError";
}
