import { failureOf, framesOf, isHidden } from "../errors/failure.ts";
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
    // A full disk and its like are for the operator to mend: where in the program they were met tells nothing.
    const frames = isHidden(failureOf(cause).kind) ? framesOf(cause) : [];
    write("error", [`${message}: ${cause}`, ...frames].map(visibleText).join("\n"));
  },
};

function write(level: string, message: string): void {
  process.stderr.write(consoleLine(level, message));
}

export function consoleLine(level: string, message: string): string {
  return `${new Date().toISOString()} ${level.padEnd(5)} ${message}\n`;
}
