import { ExpectedError } from "../expected-error.ts";
import { storageTroubleOf } from "../fs/storage-trouble.ts";
import { visibleText } from "../text/visible-text.ts";

/** Where the server tells its operator what happens. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  /** `cause` goes to the log, with its stack where it is a bug, and never to a client. */
  error(message: string, cause: unknown): void;
}

/** One line an event on standard error, with the time in UTC. */
export const consoleLogger: Logger = {
  info: (message) => write("info", visibleText(message)),
  warn: (message) => write("warn", visibleText(message)),
  error: (message, cause) => {
    const frames = isBug(cause) ? framesOf(cause) : [];
    write("error", [`${message}: ${cause}`, ...frames].map(visibleText).join("\n"));
  },
};

function write(level: string, message: string): void {
  process.stderr.write(consoleLine(level, message));
}

export function consoleLine(level: string, message: string): string {
  return `${new Date().toISOString()} ${level.padEnd(5)} ${message}\n`;
}

/** A full disk and its like are for the operator to mend: where in the program they were met tells nothing. */
function isBug(cause: unknown): cause is Error {
  return cause instanceof Error && !(cause instanceof ExpectedError) && storageTroubleOf(cause) === undefined;
}

/** Where an error was thrown, without its message, whose line feeds would look like lines of the log. */
function framesOf(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n");
  return lines.filter((line) => /^ {2,}at /.test(line));
}
