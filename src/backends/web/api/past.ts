import { type Static, type TObject, Type } from "typebox";
import { parseCommitMessage } from "../../../primitives/store/git/commit-message.ts";
import { compareMoments, type TagChange } from "../../oci-http/operations/compare.ts";
import type { ContentChange } from "../../oci-http/operations/diff.ts";
import { historyRange } from "../../oci-http/operations/history-range.ts";
import { EVENT_KINDS, eventKind } from "../../oci-http/operations/log-page.ts";
import { type CommitRecord, showCommit } from "../../oci-http/operations/show.ts";
import { type TagMoveRecord, tagMoves } from "../../oci-http/operations/tag-moves.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { commitIn, momentIn, repositoryIn, tagIn } from "./path-values.ts";
import { CommitId, DEFAULT_LIMIT, DigestText, Next, PAGE_QUERY, Time } from "./schemas.ts";

/** Most changes of a commit that are listed. */
export const MAX_CHANGES = 200;

const before = Type.Optional(DigestText);
const after = Type.Optional(DigestText);
const Kind = Type.Enum(EVENT_KINDS);
const optionalText = Type.Optional(Type.String());

const Change = Type.Object({
  kind: Type.Enum(["tag", "manifest"] as const),
  repository: Type.String(),
  tag: optionalText,
  before,
  after,
});

const Commit = Type.Object({
  commit: CommitId,
  parent: Type.Optional(
    Type.String({ ...CommitId, description: "the last commit before it that the user may see" }),
  ),
  time: Time,
  author: Type.Object({ name: Type.String(), email: Type.String() }),
  kind: Kind,
  subject: Type.String(),
  trailers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  changes: Type.Array(Change, {
    description:
      "in repositories that the user may read; `before` or `after` is absent where there was nothing",
  }),
  more: Type.Boolean({ description: `whether there are more than ${MAX_CHANGES} changes` }),
});

const TagChangeSchema = Type.Object({ repository: Type.String(), tag: Type.String(), before, after });
const Comparison = Type.Object({ changes: Type.Array(TagChangeSchema), next: Next });

const Move = Type.Object({
  commit: CommitId,
  time: Time,
  user: Type.String(),
  client: optionalText,
  remote: optionalText,
  kind: Kind,
  subject: Type.String(),
  before,
  after,
});
const Moves = Type.Object({ moves: Type.Array(Move, { description: "the newest first" }), next: Next });

const HistorySchema = Type.Object({
  first: Type.Optional(Time),
  newest: Type.Optional(Time),
  days: Type.Array(Type.Object({ day: Type.String({ format: "date" }), commits: Type.Integer() }), {
    description: "days of the last year with a commit, the oldest first",
  }),
});

const moment = (description: string) => Type.String({ maxLength: 100, description });
export const COMPARE_QUERY = {
  ...PAGE_QUERY,
  from: moment("a time, an age such as `2h`, or a commit"),
  to: Type.Optional(moment("the same; without it, now, or `at`")),
  repository: Type.Optional(Type.String({ maxLength: 255 })),
};
export type CompareQuery = Static<TObject<typeof COMPARE_QUERY>>;

export interface ReadCommit extends CommitRecord {
  readonly subject: string;
  readonly trailers: ReturnType<typeof parseCommitMessage>["trailers"];
}

/** A commit, by at least 4 of its digits. */
export async function readCommit(
  { services, actor, config }: WebContext,
  commit: string,
): Promise<ReadCommit> {
  const request = { instance: config.name, commit: commitIn(commit), limit: MAX_CHANGES };
  const record = await showCommit(services, actor, request);
  return { ...record, ...parseCommitMessage(record.message) };
}

/** A page of the tags that differ between two moments. */
export function compare({ services, actor, config, at }: WebContext, query: CompareQuery) {
  const { from, to, repository, cursor, limit = DEFAULT_LIMIT } = query;
  return compareMoments(services, actor, {
    instance: config.name,
    repository: repository === undefined ? undefined : repositoryIn(repository),
    from: momentIn("from", from),
    to: to === undefined ? at : momentIn("to", to),
    cursor,
    limit,
  });
}

interface MovesQuery {
  readonly repository: string;
  readonly tag: string;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** A page of the commits that moved a tag. */
export function findMoves({ services, actor, config, at }: WebContext, query: MovesQuery) {
  const { cursor, limit = DEFAULT_LIMIT } = query;
  const [repository, tag] = [repositoryIn(query.repository), tagIn(query.tag)];
  return tagMoves(services, actor, { instance: config.name, repository, tag, cursor, limit, at });
}

function sides(change: Pick<TagChange, "before" | "after">) {
  return { ...(change.before && { before: change.before }), ...(change.after && { after: change.after }) };
}

function changeOf(change: ContentChange): Static<typeof Change> {
  const { kind, repository } = change;
  if (change.kind === "tag") return { kind, repository, tag: change.tag, ...sides(change) };
  return { kind, repository, ...(change.isThere ? { after: change.digest } : { before: change.digest }) };
}

function moveOf({ commit, time, user, client, remote, kind, subject, ...move }: TagMoveRecord) {
  return {
    commit,
    time: time.toISOString(),
    user,
    ...(client !== undefined && { client }),
    ...(remote !== undefined && { remote }),
    kind,
    subject,
    ...sides(move),
  };
}

const withNext = (next: string | undefined) => (next === undefined ? {} : { next });

export const PAST_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/commits/{commit}",
    operationId: "readCommit",
    summary: "A commit, with the tags and manifests that it changed.",
    response: Commit,
    handle: async (context, { path }) => {
      const { id, parent, time, author, subject, trailers, changes } = await readCommit(context, path.commit);
      return {
        commit: id,
        ...(parent && { parent }),
        time: time.toISOString(),
        author: { name: author.name, email: author.email },
        kind: eventKind(subject),
        subject,
        trailers: trailers.map(([name, value]) => ({ name, value })),
        changes: changes.entries.map(changeOf),
        more: changes.more,
      };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/compare",
    operationId: "compareMoments",
    summary: "The tags that differ between two moments.",
    query: COMPARE_QUERY,
    response: Comparison,
    handle: async (context, { query }) => {
      const { entries, next } = await compare(context, query);
      const changes = entries.map(({ repository, tag, ...change }) => ({
        repository,
        tag,
        ...sides(change),
      }));
      return { changes, ...withNext(next) };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/tags/{tag}/moves",
    operationId: "listTagMoves",
    summary: "The commits that set or deleted a tag.",
    query: PAGE_QUERY,
    response: Moves,
    handle: async (context, { path, query }) => {
      const { entries, next } = await findMoves(context, { ...path, ...query });
      return { moves: entries.map(moveOf), ...withNext(next) };
    },
  }),
  apiRoute({
    method: "GET",
    path: "/history",
    operationId: "readHistory",
    summary: "The time that the registry's history covers.",
    response: HistorySchema,
    handle: async ({ services, actor, config }) => {
      const { first, newest, days } = await historyRange(services, actor, { instance: config.name });
      return {
        ...(first && { first: first.toISOString() }),
        ...(newest && { newest: newest.toISOString() }),
        days: days.map(({ day, commits }) => ({ day, commits })),
      };
    },
  }),
];
