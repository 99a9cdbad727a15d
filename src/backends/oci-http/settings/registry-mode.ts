/**
 * What clients may do with a registry for now: everything, only pull, or nothing. A registry that serves a past state (`at`) is
 * read-only for ever, whatever its mode.
 */
export type RegistryMode = "normal" | "read-only" | `${typeof MAINTENANCE}=${string}`;

const MAINTENANCE = "maintenance";
const DEFAULT_MESSAGE = "the registry is under maintenance; try again later";
/** One line that clients print. */
const MESSAGE = /^[^\u0000-\u001f\u007f]{1,200}$/;

export const MODE_WANTED = "read-only, maintenance=<message of up to 200 characters> or normal";

export function parseRegistryMode(text: string): RegistryMode | undefined {
  if (text === "normal" || text === "read-only") return text;
  if (text === MAINTENANCE || text === `${MAINTENANCE}=`) return `${MAINTENANCE}=${DEFAULT_MESSAGE}`;
  const [kind, ...rest] = text.split("=");
  const message = rest.join("=");
  return kind === MAINTENANCE && MESSAGE.test(message) ? `${MAINTENANCE}=${message}` : undefined;
}

/** The message for clients while a registry is under maintenance; `undefined` while it is not. */
export function maintenanceMessage(mode: RegistryMode): string | undefined {
  return mode.startsWith(MAINTENANCE) ? mode.slice(MAINTENANCE.length + 1) : undefined;
}

/** What follows "is" in lists. */
export function describeMode(mode: RegistryMode): string {
  const message = maintenanceMessage(mode);
  return message === undefined ? mode : `under maintenance: ${message}`;
}
