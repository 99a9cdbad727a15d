import { failureOf, framesOf, isHidden } from "../errors/failure.ts";
import { visibleText } from "../text/visible-text.ts";

/** The server's log for its operator. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  /** Logs `cause`, with its stack if it is a bug. Clients never see it. */
  error(message: string, cause: unknown): void;
}

/** Writes each event as a line to standard error, with the time in UTC. */
export const consoleLogger: Logger = {
  info: (message) => write("info", visibleText(message)),
  warn: (message) => write("warn", visibleText(message)),
  error: (message, cause) => {
    // Storage failures, such as a full disk, are for the operator to fix; a stack would not help.
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
