import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { InvalidArgumentError, NotFoundError } from "../../refusals.ts";
import { type PointInTime, parsePointInTime } from "../history/point-in-time.ts";
import type { OciStore } from "../store/oci-store.ts";

/** A moment in a store's history, with the text that the actor wrote for it. */
export interface Moment {
  readonly point: PointInTime;
  readonly text: string;
}

/** The history has no commit at a moment. */
export class UnknownMomentError extends NotFoundError {
  override readonly name = "UnknownMomentError";
}

export function parseMoment(text: string): Moment | undefined {
  const point = parsePointInTime(text);
  return point && { point, text };
}

/** The commit at a moment, never one after `until`. Rejects with `UnknownMomentError` or `InvalidArgumentError`. */
export async function commitAt(
  { history }: Pick<OciStore, "history">,
  { point, text }: Moment,
  until?: ObjectId,
): Promise<ObjectId> {
  const commit = await history.commitAt(point, until);
  if (commit === "ambiguous")
    throw new InvalidArgumentError(`more than one commit begins with '${text}'; give more digits`);
  if (commit === "unknown") throw new UnknownMomentError(`no commit matches '${text}'`);
  return commit;
}

/** Like `commitAt`, but a time before the first commit is the empty state: `undefined`. */
export async function stateAt(
  oci: Pick<OciStore, "history">,
  moment: Moment,
  until?: ObjectId,
): Promise<ObjectId | undefined> {
  const { point } = moment;
  if (point.kind === "time" && (await oci.history.commitAt(point, until)) === "unknown") return undefined;
  return commitAt(oci, moment, until);
}
