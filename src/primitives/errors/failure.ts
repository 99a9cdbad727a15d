/*
 * The one place that classifies errors: the message for users, and the log line. `exit-code.ts` maps each kind to an exit
 * code, `frontends/http` to an OCI error.
 */
import { type ErrorKind, ExpectedError, messageOf } from "../expected-error.ts";
import {
  causesOf,
  describeStorageTrouble,
  type StorageTrouble,
  storageTroubleOf,
} from "../fs/storage-trouble.ts";
import { type ExitCode, exitCodeOf } from "./exit-code.ts";

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
  /** For users: what they can do about it. */
  readonly hint?: string | undefined;
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
    return { kind: error.kind, words: detail, hint: error.hint, detail, trouble };
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

/** Logs a failure as its kind requires, and returns it. `what` begins the log line. */
export function reportedFailure(log: FailureLog, what: string, error: unknown): Failure {
  const failure = failureOf(error);
  const { kind, detail } = failure;
  if (isHidden(kind)) log.error(what, error);
  else if (isForOperator(kind)) log.warn(`${what}: ${detail}`);
  return failure;
}

/** Logs a failure as its kind requires, and returns the message for the user. */
export function reportFailure(log: FailureLog, what: string, error: unknown): string {
  return textOf(reportedFailure(log, what, error));
}

/** The message for the user with its hint, one line. */
export function textOf({ words, hint }: Pick<Failure, "words" | "hint">): string {
  return hint === undefined ? words : `${words}; ${hint}`;
}

/** Whether the failure is hidden from users and logged with its stack. */
export function isHidden(kind: FailureKind): kind is "bug" | "system" {
  return kind === "bug" || kind === "system";
}

/** Whether the operator must fix the server's disk. */
function isForOperator(kind: FailureKind): boolean {
  return kind === "damaged" || kind === "storage";
}

/** The text that a command writes to standard error, without the program's name, and its exit code. */
export interface CommandFailure {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** The user of a command is the operator, so bugs are shown with their stack. */
export function commandFailureOf(error: unknown): CommandFailure {
  const { kind, detail, hint, trouble } = failureOf(error);
  const stack = kind === "bug" ? framesOf(error) : [];
  const words = textOf({ words: detail, hint });
  const line = trouble === undefined ? words : `${describeStorageTrouble(trouble)} (${words})`;
  const text = kind === "bug" ? [`internal error: ${line}`, ...stack].join("\n") : line;
  return { text, exitCode: exitCodeOf(kind) };
}

/** The stack frames of an error, without its message, whose line feeds could forge log lines. */
export function framesOf(error: unknown): string[] {
  const lines = (error instanceof Error ? (error.stack ?? "") : "").split("\n");
  return lines.filter((line) => /^ {2,}at /.test(line));
}
