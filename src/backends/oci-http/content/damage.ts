import { DamagedDatabaseError, damageIn } from "../../../primitives/sqlite/database-damage.ts";

/** What has turned out to be wrong with a database that requests are answered from. Plain data, for other threads. */
export interface Damage {
  readonly reason: string;
  /** Which file, where that is known. */
  readonly path?: string;
  /** Whether all that is wrong is that something is missing. */
  readonly isMissing?: boolean;
}

/** `undefined` for an error that says nothing of what a database holds. */
export function damageOf(error: unknown): Damage | undefined {
  const reason = damageIn(error);
  if (reason === undefined) return undefined;
  return { reason, ...(error instanceof DamagedDatabaseError && { path: error.path }) };
}
