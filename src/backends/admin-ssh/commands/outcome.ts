import type { Listing } from "./command.ts";

/** The outcome of a command that changes something: a line, and a record of what was done. */
export function outcome(message: string, done: object, isChanged = true): Listing {
  return { lines: [message], records: [{ message, changed: isChanged, ...done }] };
}
