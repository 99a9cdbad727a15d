import type { CommitWalk } from "../../../primitives/store/commits/commit-walk.ts";
import { parseOciPath } from "../content/layout.ts";
import { onlyAdds } from "../content/store-event.ts";
import { digestInTag } from "../content/tag-target.ts";
import type { HistoryEvent } from "../history/history.ts";
import type { CommitRow } from "../history/history-database.ts";
import { type HistoryRows, lastSetBy } from "../history/tag-sets.ts";
import type { ReadManifest, SummaryUpdate } from "./summary-update.ts";

/** Commits read at once. */
const AT_ONCE = 50;

interface Followed {
  readonly history: HistoryRows;
  readonly walk: CommitWalk;
  readonly read: ReadManifest;
}

/** Applies the commits of the history after `seq`, up to `until`. */
export async function followCommits(
  update: SummaryUpdate,
  followed: Followed,
  { seq, until }: { readonly seq: number; readonly until: number },
): Promise<void> {
  const sql = `SELECT * FROM commits WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT ${AT_ONCE}`;
  for (let after = seq; after < until; ) {
    const rows = followed.history.rows<CommitRow>(sql, { after, until });
    for (const row of rows) {
      await applyCommit(update, followed, JSON.parse(row.event) as HistoryEvent);
      await update.step((writer) => writer.setState({ head: row.id, seq: row.seq }));
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last.seq;
  }
}

async function applyCommit(update: SummaryUpdate, followed: Followed, event: HistoryEvent): Promise<void> {
  const { repository, digest, tags } = event;
  const commit = await followed.walk.commit(event.commitId);
  // The message of a push says all that the commit changed.
  const pushed = onlyAdds(commit) && repository && digest ? followed.read(repository, digest) : undefined;
  if (!repository || !digest || !pushed) return applyDifferences(update, followed, event);
  await update.addManifest(repository, digest, pushed);
  await update.step((writer) => {
    const last = lastSetBy(event);
    for (const { tag } of tags) writer.setTag(repository, tag, digest, last);
    writer.setPushed(repository, last);
  });
}

async function applyDifferences(
  update: SummaryUpdate,
  { walk }: Followed,
  event: HistoryEvent,
): Promise<void> {
  const [parent] = (await walk.commit(event.commitId)).parents;
  for await (const { path, before, after } of walk.diff(parent, event.commitId)) {
    const file = parseOciPath(path);
    if (!file) continue;
    const { repository } = file;
    if (file.kind === "manifest") {
      if (after) await update.addManifest(repository, file.digest, await walk.file(after));
      else if (before) await update.removeManifest(repository, file.digest, await walk.file(before));
      if (after) await update.step((writer) => writer.setPushed(repository, event));
      continue;
    }
    const digest = after && digestInTag(await walk.file(after));
    await update.step((writer) => {
      if (digest) writer.setTag(repository, file.tag, digest, event);
      else writer.removeTag(repository, file.tag);
    });
  }
}
