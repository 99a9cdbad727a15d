import type { ServerConfig } from "../../config/server-config.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { definePart, type Part, type PartDefinition } from "./part.ts";

/** The data directory, locked for this process. */
export interface OwnDirectory {
  readonly path: string;
  /**
   * Makes it the directory of a node of the object store that the settings name. Rejects with `DataDirectoryError` if it was
   * that of a node of something else there, see `OpenedStorage`: what it derived would be taken for true.
   */
  claim(identity: string): Promise<void>;
  release(): void;
}

/** The context that every part of the server gets at its start. */
export interface StartContext {
  readonly config: ServerConfig;
  readonly log: Logger;
  /** Aborted when the server is requested to stop. */
  readonly signal: AbortSignal;
  /** When the server was started, in seconds since the epoch. */
  readonly started: number;
  /** Locks the data directory for this process. Throws `DataDirectoryError`. */
  readonly acquireDirectory: () => OwnDirectory;
  /** Each creates a worker thread that runs one entry file. */
  readonly spawn: { readonly http: () => Worker; readonly ssh: () => Worker };
}

export type ServerPart<T> = Part<T, StartContext>;

export function serverPart<T, N extends Readonly<Record<string, ServerPart<unknown>>>>(
  definition: PartDefinition<T, StartContext, N>,
): ServerPart<T> {
  return definePart(definition);
}
