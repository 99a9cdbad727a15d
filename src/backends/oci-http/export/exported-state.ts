import type { Digest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { Commit } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { parseOciPath } from "../content/layout.ts";
import { parseEvent } from "../content/store-event.ts";
import { digestInTag } from "../content/tag-target.ts";
import { eventOf } from "../history/history.ts";
import type { PointInTime } from "../history/point-in-time.ts";
import { lastSetBy } from "../history/tag-sets.ts";

/** The commits of a store, to be read. */
export interface CommitReader {
  readonly head: ObjectId | undefined;
  commitAt(id: ObjectId): Promise<Commit>;
  at(id: ObjectId): Promise<Snapshot>;
}

/** What a repository held at a commit. */
export interface RepositoryState {
  readonly tags: Map<Tag, Digest>;
  readonly manifests: Map<Digest, Uint8Array>;
}

/** The commit at a point in time, by a walk through the history; `undefined` if there is none, or several begin like that. */
export async function commitAtPoint(
  commits: CommitReader,
  point: PointInTime | undefined,
): Promise<ObjectId | undefined> {
  if (!point) return commits.head;
  const found: ObjectId[] = [];
  for await (const { id, commit } of history(commits, commits.head)) {
    if (point.kind === "time" && commit.committer.seconds <= point.seconds) return id;
    if (point.kind === "commit" && id.startsWith(point.prefix)) found.push(id);
  }
  return found.length === 1 ? found[0] : undefined;
}

/** When each manifest was last pushed up to a commit, in seconds since the epoch, by `<repository> <digest>`. */
export async function pushTimes(commits: CommitReader, from: ObjectId): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for await (const { id, commit } of history(commits, from)) {
    const { repository, digest } = parseEvent(commit.message);
    const key = `${repository} ${digest}`;
    if (repository && digest && !times.has(key)) times.set(key, lastSetBy(eventOf(id, commit)).seconds);
  }
  return times;
}

async function* history(commits: CommitReader, from: ObjectId | undefined) {
  for (let id = from; id; ) {
    const commit: Commit = await commits.commitAt(id);
    yield { id, commit };
    id = commit.parents[0];
  }
}

/** What the repositories that `includes` selects held at a commit. */
export async function stateAt(
  commits: CommitReader,
  id: ObjectId,
  includes: (repository: RepositoryName) => boolean,
): Promise<Map<RepositoryName, RepositoryState>> {
  const snapshot = await commits.at(id);
  const repositories = new Map<RepositoryName, RepositoryState>();
  for await (const { path } of snapshot.list("repositories/")) {
    const file = parseOciPath(path);
    const content = file && includes(file.repository) ? await snapshot.read(path) : undefined;
    if (!file || !content) continue;
    const state = repositories.get(file.repository) ?? { tags: new Map(), manifests: new Map() };
    repositories.set(file.repository, state);
    const digest = file.kind === "tag" ? digestInTag(content) : undefined;
    if (file.kind === "manifest") state.manifests.set(file.digest, content);
    else if (digest) state.tags.set(file.tag, digest);
  }
  return repositories;
}
