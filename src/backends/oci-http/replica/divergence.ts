import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { MAX_HAVES } from "../feed/replica-route.ts";
import type { CommitRow } from "../history/history-database.ts";
import { seqOf } from "../history/tag-sets.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { PrimaryClient } from "./primary-client.ts";
import { PrimaryError } from "./primary-error.ts";

/** How the history of a replica and that of its primary have diverged. */
export interface Divergence {
  readonly ours: ObjectId;
  readonly theirs: ObjectId | undefined;
  /** The newest commit that both have, or one before it; `undefined`: they have none in common. */
  readonly common: ObjectId | undefined;
  /** How many commits of ours follow it. */
  readonly own: number;
  /** One line for the operator. */
  readonly reason: string;
}

interface Comparison {
  readonly oci: Pick<OciStore, "store" | "history">;
  readonly primary: Pick<PrimaryClient, "history" | "url">;
  readonly signal: AbortSignal;
}

const SHORT = 12;

/** Asks the primary which commits it has, in steps that halve the distance. */
export async function findDivergence(
  { oci, primary, signal }: Comparison,
  ours: ObjectId,
  theirs: ObjectId | undefined,
): Promise<Divergence> {
  const { history } = oci;
  await history.catchUp(signal);
  const last = seqOf(history, ours) ?? 0;
  const at = (seq: number) =>
    history.rows<CommitRow>("SELECT * FROM commits WHERE seq = $seq", { seq })[0]?.id;
  let [known, unknown] = [0, last];
  while (theirs !== undefined && unknown - known > 1) {
    const seqs = between(known, unknown);
    const ids = seqs.map((seq) => at(seq)).filter((id) => id !== undefined);
    const answer = await primary.history({ haves: ids, skip: 0, waitSeconds: 0 }, signal);
    // Where the primary ends at one of them, there is no page after it.
    const shared = answer.kind === "page" ? answer.page.from : answer.kind === "current" && answer.head;
    if (shared && !ids.includes(shared))
      throw new PrimaryError(`${primary.url} names a commit that it was not asked about`);
    if (shared) known = seqOf(history, shared) ?? known;
    if (answer.kind === "diverged") unknown = seqs.at(-1) ?? unknown;
    else unknown = Math.min(...seqs.filter((seq) => seq > known), unknown);
  }
  const common = known === 0 ? undefined : at(known);
  const own = last - known;
  return { ours, theirs, common, own, reason: reasonOf({ ours, theirs, common, own }, primary.url) };
}

/** Numbers between two others, the greatest first. */
function between(known: number, unknown: number): readonly number[] {
  const step = Math.max(1, Math.ceil((unknown - known) / (MAX_HAVES + 1)));
  const seqs: number[] = [];
  for (let seq = known + step; seq < unknown; seq += step) seqs.push(seq);
  return seqs.slice(0, MAX_HAVES).reverse();
}

function reasonOf({ ours, theirs, common, own }: Omit<Divergence, "reason">, url: string): string {
  const short = (id: ObjectId) => id.slice(0, SHORT);
  const commits = own === 1 ? "its newest commit" : `its ${own} newest commits, up to ${short(ours)},`;
  const lacks = `${url} does not have ${own === 1 ? `${commits} ${short(ours)}` : commits}`;
  if (theirs === undefined) return `${url} has no commits at all; the replica keeps all of its own`;
  if (common === undefined) return `${url} has another history; no commit is in both`;
  if (common === theirs) return `${lacks} and ends at ${short(theirs)}, as if it was restored from a backup`;
  return `${lacks} and goes on from ${short(common)} to ${short(theirs)} in another way`;
}
