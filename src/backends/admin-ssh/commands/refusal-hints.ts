import { ExpectedError } from "../../../primitives/expected-error.ts";
import { UnknownMomentError } from "../../oci-http/operations/moment.ts";
import { MovedMeanwhileError } from "../../oci-http/operations/restore.ts";
import { UnconfirmedError } from "../../refusals.ts";
import { YES } from "./access-words.ts";

/** What a console user can do about a refusal. */
const HINTS = [
  { refusal: UnconfirmedError, hint: `add ${YES} to confirm` },
  { refusal: UnknownMomentError, hint: "'/oci log' shows what it has" },
  { refusal: MovedMeanwhileError, hint: "run the command again" },
] as const;

/** Runs a command, and adds a hint to a refusal of its operation. */
export async function withHints<T>(run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const known = HINTS.find(({ refusal }) => error instanceof refusal);
    if (!known || !(error instanceof ExpectedError)) throw error;
    throw new ExpectedError(error.message, { kind: error.kind, hint: known.hint, cause: error });
  }
}
