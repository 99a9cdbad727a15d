import { version } from "../../package.json";

declare const EVERLOCK_COMMIT: string | undefined;

/** The release, the commit that it was built from (`unknown` when run from source) and the runtime's version. */
export const VERSION = {
  everlock: version,
  commit: typeof EVERLOCK_COMMIT === "string" ? EVERLOCK_COMMIT : "unknown",
  bun: Bun.version,
};
