import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parsePointInTime } from "../../oci-http/history/point-in-time.ts";
import type { OciStore } from "../../oci-http/store/oci-store.ts";
import { ConsoleError } from "./console-error.ts";

/** How a time is written, for those who wrote it otherwise. */
export const TIMES = "2h, 3d, yesterday or 2026-01-31T12:00";

/** The commit of a store that a point in time means, none after `until`. Throws `ConsoleError`. */
export async function readCommit({ history }: OciStore, when: string, until?: ObjectId): Promise<ObjectId> {
  const point = parsePointInTime(when);
  if (!point) {
    throw new ConsoleError(`'${when}' is no point in time; use ${TIMES}, or the first digits of a commit`);
  }
  const commit = await history.commitAt(point, until);
  if (commit === "ambiguous") {
    throw new ConsoleError(`more than one commit begins with '${when}'; give more digits`);
  }
  if (commit === "unknown") {
    throw new ConsoleError(`the history has nothing at '${when}'; '/oci log' shows what it has`);
  }
  return commit;
}
