import type { Listing } from "./command.ts";

/** The outcome of a command that changes something: a line, and a record of what was done. */
export function outcome(message: string, done: object, isChanged = true): Listing {
  return { lines: [message], records: [{ message, changed: isChanged, ...done }] };
}

/** The outcome with a warning, if there is one, below it and in its record. */
export function withWarning({ lines, records }: Listing, warning: string | undefined): Listing {
  if (warning === undefined) return { lines, records };
  return {
    lines: [...lines, `warning: ${warning}`],
    records: records.map((record) => ({ ...record, warning })),
  };
}
