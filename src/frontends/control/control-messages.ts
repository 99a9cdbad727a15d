import type { NeededInput } from "../../backends/admin-ssh/commands/dialog.ts";
import type { LocalLine } from "../../backends/admin-ssh/local-console.ts";
import type { FailureKind } from "../../primitives/errors/failure.ts";
import type { StoreName } from "../../primitives/store/store-manager.ts";

const MAX_OPERATOR_LENGTH = 100;

export const LINE_FEED = "\n";

/** The socket is in the data directory, which only the user who runs the server can access. */
export function controlSocketPath(dataDir: string): string {
  return `${dataDir}/everlock.sock`;
}

/** Both fields are missing in messages of older servers. */
export interface HeldStores {
  /** The stores from which nothing is removed; the server uses no other. */
  readonly openStores?: readonly StoreName[];
  /** The stores whose manifests may reference missing content. */
  readonly sparseStores?: readonly StoreName[];
}

/** A message from the server, one line of JSON. */
export type ControlMessage =
  | { readonly kind: "progress" | "line"; readonly text: string }
  /** From now until the client disconnects, the server removes no file. */
  | ({ readonly kind: "held" } & HeldStores)
  | EndMessage;

/** The last message, with an error message if the command failed. */
export interface EndMessage {
  readonly kind: "end";
  readonly error?: string;
  /** The kind and the hint of the failure of a line of the console. */
  readonly failure?: FailureKind;
  readonly hint?: string | undefined;
  /** The line of the console was not run: it needs input. */
  readonly needs?: NeededInput;
}

/** A line of the console from JSON; `undefined` if it is invalid. */
export function readLocalLine(value: unknown): LocalLine | undefined {
  const { line, input, width, by } = Object(value) as Record<string, unknown>;
  if (typeof line !== "string" || typeof by !== "string") return undefined;
  return {
    line,
    by: by.slice(0, MAX_OPERATOR_LENGTH),
    input: typeof input === "string" ? input : undefined,
    width: typeof width === "number" ? width : undefined,
  };
}
