import type { ErrorKind } from "../expected-error.ts";

/** The exit codes of the console's commands and of `everlock`. Their meaning is documented and never changes. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongCommandLine: 2,
  /** It exists already, or there is nothing to do. */
  unchanged: 3,
  notAllowed: 4,
  noSuchThing: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODES: Readonly<Record<ErrorKind | "storage" | "system" | "bug", ExitCode>> = {
  usage: EXIT.wrongCommandLine,
  invalid: EXIT.wrongCommandLine,
  unchanged: EXIT.unchanged,
  refused: EXIT.notAllowed,
  "not-found": EXIT.noSuchThing,
  conflict: EXIT.failed,
  busy: EXIT.failed,
  unavailable: EXIT.failed,
  damaged: EXIT.failed,
  unusable: EXIT.failed,
  incomplete: EXIT.failed,
  storage: EXIT.failed,
  system: EXIT.failed,
  bug: EXIT.failed,
};

export function exitCodeOf(kind: keyof typeof CODES): ExitCode {
  return CODES[kind];
}
