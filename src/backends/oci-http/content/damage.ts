import { DamagedDatabaseError, damageIn } from "../../../primitives/sqlite/database-damage.ts";

/** Damage found in a database that serves requests. Plain data, for other threads. */
export interface Damage {
  readonly reason: string;
  /** Path of the file, if known. */
  readonly path?: string;
  /** Whether the only fault is a missing row. */
  readonly isMissing?: boolean;
}

/** Returns `undefined` for an error that is not about a database's content. */
export function damageOf(error: unknown): Damage | undefined {
  const reason = damageIn(error);
  if (reason === undefined) return undefined;
  return { reason, ...(error instanceof DamagedDatabaseError && { path: error.path }) };
}
