import type { StoreName } from "../../primitives/store/store-manager.ts";

export const LINE_FEED = "\n";

/** In the data directory, which is private to the user who runs the server. */
export function controlSocketPath(dataDir: string): string {
  return `${dataDir}/everlock.sock`;
}

/** What a server that has not been started again since an earlier version does not tell. */
export interface HeldStores {
  /** Those that are held; nobody uses any other. */
  readonly openStores?: readonly StoreName[];
  /** Those whose manifests may name content that is not there. */
  readonly sparseStores?: readonly StoreName[];
}

/** What the server answers to a command, a JSON line each. */
export type ControlMessage =
  | { readonly kind: "progress" | "line"; readonly text: string }
  /** From now on, until the asker goes away, nothing is removed that was there. */
  | ({ readonly kind: "held" } & HeldStores)
  /** The end, with what went wrong, if anything. */
  | { readonly kind: "end"; readonly error?: string };
