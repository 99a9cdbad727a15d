/*
 * The one place that tells what becomes of an error: who learns which words, what the log says, and how a command exits.
 * `frontends/http` gives each kind its OCI error.
 */
import { type ErrorKind, ExpectedError, messageOf } from "../expected-error.ts";
import {
  causesOf,
  describeStorageTrouble,
  type StorageTrouble,
  storageTroubleOf,
} from "../fs/storage-trouble.ts";

export type FailureKind =
  | ErrorKind
  /** The disk is full, read-only or failing. */
  | "storage"
  /** A system call or SQLite failed for another reason. */
  | "system"
  | "bug";

export interface Failure {
  readonly kind: FailureKind;
  /** For users: one line that tells nothing which they may not know. */
  readonly words: string;
  /** For the operator: one line with what the error itself says. */
  readonly detail: string;
  readonly trouble: StorageTrouble | undefined;
}

const INTERNAL = "internal error; the server's log has the cause";

export function failureOf(error: unknown): Failure {
  const detail = messageOf(error);
  const trouble = storageTroubleOf(error);
  // Damage tells more than how it was found.
  if (error instanceof ExpectedError && (trouble === undefined || error.kind === "damaged"))
    return { kind: error.kind, words: detail, detail, trouble };
  if (trouble !== undefined)
    return { kind: "storage", words: describeStorageTrouble(trouble), detail, trouble };
  if (error instanceof AggregateError && error.errors.length > 0) return failureOfAll(error.errors, detail);
  return { kind: isOfSystem(error) ? "system" : "bug", words: INTERNAL, detail, trouble };
}

/** The first failure that users learn nothing of counts for all. */
function failureOfAll(errors: readonly unknown[], detail: string): Failure {
  const failures = errors.map(failureOf);
  const hidden = failures.find(({ words }) => words === INTERNAL);
  const kind = (hidden ?? failures[0])?.kind ?? "bug";
  const words = hidden ? INTERNAL : failures.map((failure) => failure.words).join("; ");
  return { kind, words, detail, trouble: undefined };
}

/** Errors of system calls, of SQLite and of zlib have a code. Node gives mistakes in calling it codes of their own. */
function isOfSystem(error: unknown): boolean {
  return causesOf(error).some(({ code }) => typeof code === "string" && !code.startsWith("ERR_"));
}

/** Where a failure is logged. */
interface FailureLog {
  warn(message: string): void;
  error(message: string, cause: unknown): void;
}

/** Logs a failure as its kind requires, and answers the words for the user. `what` begins the line in the log. */
export function reportFailure(log: FailureLog, what: string, error: unknown): string {
  const { kind, words, detail } = failureOf(error);
  if (isHidden(kind)) log.error(what, error);
  else if (isForOperator(kind)) log.warn(`${what}: ${detail}`);
  return words;
}

/** Whether users learn nothing of it, and the log has the stack. */
export function isHidden(kind: FailureKind): boolean {
  return kind === "bug" || kind === "system";
}

/** Whether the operator must do something about the server's disk, whoever met it. */
function isForOperator(kind: FailureKind): boolean {
  return kind === "damaged" || kind === "storage";
}

/** What a command line program writes to standard error, without its name, and the exit code. */
export interface CommandFailure {
  readonly text: string;
  readonly exitCode: 1 | 2;
}

/** Whoever runs a command is the operator: of a bug the stack is shown as well. */
export function commandFailureOf(error: unknown): CommandFailure {
  const { kind, detail, trouble } = failureOf(error);
  const stack = kind === "bug" ? framesOf(error) : [];
  const line = trouble === undefined ? detail : `${describeStorageTrouble(trouble)} (${detail})`;
  const text = kind === "bug" ? [`internal error: ${line}`, ...stack].join("\n") : line;
  return { text, exitCode: kind === "usage" ? 2 : 1 };
}

/** Where an error was thrown, without its message, whose line feeds would look like lines of the log. */
export function framesOf(error: unknown): string[] {
  const lines = (error instanceof Error ? (error.stack ?? "") : "").split("\n");
  return lines.filter((line) => /^ {2,}at /.test(line));
}
