import type { StoreName } from "../../primitives/store/store-manager.ts";

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
  /** The last message, with an error message if the command failed. */
  | { readonly kind: "end"; readonly error?: string };
