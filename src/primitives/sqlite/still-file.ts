import type { Database } from "bun:sqlite";
import type { Release } from "../release.ts";

/** How often a file that readers use is tried, and the pause in between, in milliseconds. */
const MAX_ATTEMPTS = 20;
const PAUSE_MS = 50;

/**
 * Brings all that was committed into the database's file, and leaves the file as it is until the returned function is called:
 * it can be copied meanwhile. New transactions go to the log. For the only connection that writes. `checkpointPages`: the
 * log size at which SQLite else checkpoints.
 */
export async function keepFileStill(db: Database, checkpointPages: number): Promise<Release> {
  const release = () => {
    db.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  };
  db.run("PRAGMA wal_autocheckpoint = 0");
  for (let attempt = 1; ; attempt++) {
    const result = db.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (result?.busy === 0) return release;
    if (attempt >= MAX_ATTEMPTS) {
      release();
      throw new Error(`${db.filename} is in use`);
    }
    await Bun.sleep(PAUSE_MS);
  }
}
