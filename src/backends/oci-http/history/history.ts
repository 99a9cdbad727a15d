import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { Commit } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import type { TagMove } from "../content/push-message.ts";

/** A push, a delete or another change of a registry, as its commit tells it. */
export interface HistoryEvent {
  readonly commitId: ObjectId;
  /** Since the epoch. */
  readonly seconds: number;
  readonly user: string;
  /** The commit's subject, such as `push alpine:demo`. */
  readonly subject: string;
  /** Unknown for a commit that stock git made. */
  readonly repository: RepositoryName | undefined;
  readonly tags: readonly TagMove[];
  readonly digest: Digest | undefined;
  readonly client: string | undefined;
  readonly remote: string | undefined;
}

export interface HistoryFilter {
  readonly repository?: RepositoryName | undefined;
  readonly tag?: Tag | undefined;
  readonly user?: string | undefined;
  /** Seconds since the epoch; older events are left out. */
  readonly since?: number | undefined;
}

/** Whether a commit is a push of ours, which adds manifests and moves tags and removes nothing. */
export function onlyAdds({ committer, message }: Commit): boolean {
  return committer.email === SYSTEM_IDENTITY.email && message.startsWith("push ");
}

/** Reads the trailers that `changeMessage` writes. */
export function parseEvent(commitId: ObjectId, { author, committer, message }: Commit): HistoryEvent {
  const [subject = "", ...lines] = message.trimEnd().split("\n");
  const values = new Map<string, string>();
  const tags: { tag: Tag; previous?: Digest }[] = [];
  for (const line of lines) {
    const [, key = "", value = ""] = line.match(TRAILER) ?? [];
    const tag = key === "Tag" ? parseTag(value) : undefined;
    const previous = key === "Previous" ? parseDigest(value) : undefined;
    const last = tags.at(-1);
    if (tag) tags.push({ tag });
    else if (previous && last) last.previous = previous;
    else values.set(key, value);
  }
  return {
    commitId,
    seconds: committer.seconds,
    user: author.name,
    subject,
    repository: parseRepositoryName(values.get("Repository") ?? ""),
    tags,
    digest: parseDigest(values.get("Digest") ?? ""),
    client: values.get("Client"),
    remote: values.get("Remote"),
  };
}

const TRAILER = /^([A-Z][A-Za-z-]*): (.+)$/;
