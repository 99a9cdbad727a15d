/** Where the server tells its operator what happens. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  /** `cause` goes to the log with its stack, never to a client. */
  error(message: string, cause: unknown): void;
}

/** One line an event on standard error, with the time in UTC. */
export const consoleLogger: Logger = {
  info: (message) => write("info", message),
  warn: (message) => write("warn", message),
  error: (message, cause) =>
    write("error", `${message}: ${cause instanceof Error ? (cause.stack ?? cause.message) : cause}`),
};

function write(level: string, message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level.padEnd(5)} ${message}\n`);
}
