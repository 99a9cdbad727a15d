import { OverloadedError } from "../primitives/bounds/semaphore.ts";
import { ExpectedError } from "../primitives/expected-error.ts";
import { DamagedDatabaseError } from "../primitives/sqlite/database-damage.ts";

/** The errors whose class means something to the thread that called; of others it sees message, code and causes. */
export const THREAD_ERRORS = { DamagedDatabaseError, OverloadedError, ExpectedError };
