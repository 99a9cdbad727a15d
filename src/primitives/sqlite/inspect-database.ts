import type { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { damageIn } from "./database-damage.ts";
import { type DatabaseSchema, openForInspection } from "./open-database.ts";
import { checkPages, checkSchema, versionOf } from "./schema-checks.ts";

/** `other-version`: another version of the program wrote the file. */
export type Inspection = "sound" | "missing" | "other-version" | { readonly damage: string };

/**
 * Checks a whole file without changing it; resolves with the problem found, if any. Rejects if the file can't be read.
 * `compare` is called when every row is intact, and reports rows with wrong content.
 */
export async function inspectDatabase(
  path: string,
  schema: DatabaseSchema,
  compare: (db: Database) => Promise<string | undefined> = async () => undefined,
): Promise<Inspection> {
  if (!existsSync(path)) return "missing";
  let db: Database | undefined;
  try {
    db = openForInspection(path);
    if (versionOf(db) !== schema.version) return "other-version";
    checkSchema(db, schema);
    checkPages(db);
    schema.check(db);
    const damage = await compare(db);
    return damage === undefined ? "sound" : { damage };
  } catch (error) {
    const damage = damageIn(error);
    if (damage === undefined) throw error;
    return { damage };
  } finally {
    db?.close();
  }
}
