import type { ServerConfig } from "../../config/server-config.ts";
import type { Logger } from "../../primitives/logging/logger.ts";
import { definePart, type Part, type PartDefinition } from "./part.ts";

/** What every part of the server may use when it starts. */
export interface StartContext {
  readonly config: ServerConfig;
  readonly log: Logger;
  /** Aborted once the end of the server is requested. */
  readonly signal: AbortSignal;
  /** When the server was started, in seconds since the epoch. */
  readonly started: number;
  /** Locks the data directory for this process. Throws `DataDirectoryError`. */
  readonly acquireDirectory: () => { readonly path: string; release(): void };
  /** Each makes a thread that runs one entry file. */
  readonly spawn: { readonly http: () => Worker; readonly ssh: () => Worker };
}

export type ServerPart<T> = Part<T, StartContext>;

export function serverPart<T, N extends Readonly<Record<string, ServerPart<unknown>>>>(
  definition: PartDefinition<T, StartContext, N>,
): ServerPart<T> {
  return definePart(definition);
}
