import { ExpectedError } from "../../../primitives/expected-error.ts";
import type { CommandResult, Repeat } from "./command.ts";
import { outcome } from "./outcome.ts";

/** Creates only what is not there yet. */
export const IF_MISSING: Repeat = {
  flag: "--if-missing",
  kind: "unchanged",
  meaning: "it succeeds and changes nothing if it exists already",
};
/** Removes only what is there. */
export const IF_EXISTS: Repeat = {
  flag: "--if-exists",
  kind: "not-found",
  meaning: "it succeeds and changes nothing if there is no such thing",
};
/** Ends only what runs. */
export const IF_RUNNING: Repeat = {
  flag: "--if-running",
  kind: "unchanged",
  meaning: "it succeeds if it does not run",
};

/** Runs a command; with a flag such as `--if-missing`, a refusal because nothing needs to be done is no failure. */
export async function repeatable(
  repeat: Repeat | undefined,
  run: () => Promise<CommandResult> | CommandResult,
): Promise<CommandResult> {
  try {
    return await run();
  } catch (error) {
    if (!repeat || !(error instanceof ExpectedError) || error.kind !== repeat.kind) throw error;
    return outcome(`${error.message}; nothing was changed`, {}, false);
  }
}
