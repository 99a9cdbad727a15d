import { UnconfirmedError } from "../../refusals.ts";
import type { CommandContext } from "./command.ts";

/**
 * Runs a change; if it has to be confirmed first, shows why and asks. Resolves with `declined` if the answer is no. Rejects
 * without a terminal, as nobody can be asked there.
 */
export async function confirmed<T>(
  { print, confirm }: Pick<CommandContext, "print" | "confirm">,
  isSure: boolean,
  change: (isSure: boolean) => Promise<T>,
): Promise<T | "declined"> {
  try {
    return await change(isSure);
  } catch (error) {
    if (!(error instanceof UnconfirmedError)) throw error;
    await print(error.message.split("\n"));
    return (await confirm("go on?")) ? change(true) : "declined";
  }
}
