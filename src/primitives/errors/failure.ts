/*
 * The one place that classifies errors: the message for users, the log line, and the exit code of a command.
 * `frontends/http` maps each kind to an OCI error.
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
  /** For users: one line without internal details. */
  readonly words: string;
  /** For the operator: one line with the error's own message. */
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

/** The first failure that is hidden from users counts for all. */
function failureOfAll(errors: readonly unknown[], detail: string): Failure {
  const failures = errors.map(failureOf);
  const hidden = failures.find(({ words }) => words === INTERNAL);
  const kind = (hidden ?? failures[0])?.kind ?? "bug";
  const words = hidden ? INTERNAL : failures.map((failure) => failure.words).join("; ");
  return { kind, words, detail, trouble: undefined };
}

/** Errors of system calls, SQLite and zlib have a code. Node's codes for wrong API usage (`ERR_…`) count as bugs. */
function isOfSystem(error: unknown): boolean {
  return causesOf(error).some(({ code }) => typeof code === "string" && !code.startsWith("ERR_"));
}

/** The log for failures. */
interface FailureLog {
  warn(message: string): void;
  error(message: string, cause: unknown): void;
}

/** Logs a failure as its kind requires, and returns the message for the user. `what` begins the log line. */
export function reportFailure(log: FailureLog, what: string, error: unknown): string {
  const { kind, words, detail } = failureOf(error);
  if (isHidden(kind)) log.error(what, error);
  else if (isForOperator(kind)) log.warn(`${what}: ${detail}`);
  return words;
}

/** Whether the failure is hidden from users and logged with its stack. */
export function isHidden(kind: FailureKind): boolean {
  return kind === "bug" || kind === "system";
}

/** Whether the operator must fix the server's disk. */
function isForOperator(kind: FailureKind): boolean {
  return kind === "damaged" || kind === "storage";
}

/** The text that a command writes to standard error, without the program's name, and its exit code. */
export interface CommandFailure {
  readonly text: string;
  readonly exitCode: 1 | 2;
}

/** The user of a command is the operator, so bugs are shown with their stack. */
export function commandFailureOf(error: unknown): CommandFailure {
  const { kind, detail, trouble } = failureOf(error);
  const stack = kind === "bug" ? framesOf(error) : [];
  const line = trouble === undefined ? detail : `${describeStorageTrouble(trouble)} (${detail})`;
  const text = kind === "bug" ? [`internal error: ${line}`, ...stack].join("\n") : line;
  return { text, exitCode: kind === "usage" ? 2 : 1 };
}

/** The stack frames of an error, without its message, whose line feeds could forge log lines. */
export function framesOf(error: unknown): string[] {
  const lines = (error instanceof Error ? (error.stack ?? "") : "").split("\n");
  return lines.filter((line) => /^ {2,}at /.test(line));
}
