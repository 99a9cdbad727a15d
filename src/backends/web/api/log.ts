import { type Static, type TObject, Type } from "typebox";
import type { LogRecord } from "../../oci-http/operations/log.ts";
import { EVENT_KINDS, eventKind, type LogPage, readLogPage } from "../../oci-http/operations/log-page.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import type { WebContext } from "../requests/web-context.ts";
import { apiRoute } from "./api-route.ts";
import { repositoryIn, tagIn, timeIn } from "./path-values.ts";
import { CommitId, DEFAULT_LIMIT, DigestText, Next, PAGE_QUERY, Time } from "./schemas.ts";

const MAX_TEXT = 255;
const instant = (description: string) =>
  Type.Optional(
    Type.String({
      maxLength: MAX_TEXT,
      description: `${description}: a time, a day, or an age such as \`2h\``,
    }),
  );
const part = (description: string) => Type.Optional(Type.String({ maxLength: MAX_TEXT, description }));

/** The filters of a repository's log. */
export const REPOSITORY_LOG_QUERY = {
  ...PAGE_QUERY,
  tag: part("only commits that moved this tag"),
  user: part("who made the commit"),
  kind: Type.Optional(Type.Enum(EVENT_KINDS)),
  client: part("a part of the client's name"),
  since: instant("no commit before"),
  until: instant("no commit after"),
};
export const LOG_QUERY = {
  ...REPOSITORY_LOG_QUERY,
  repository: part("only commits that changed this repository"),
};
export type LogQuery = Static<TObject<typeof LOG_QUERY>>;

const LogEntry = Type.Object({
  commit: CommitId,
  time: Time,
  user: Type.String(),
  kind: Type.Enum(EVENT_KINDS),
  subject: Type.String({ description: "for example `push team/app:v1`" }),
  repository: Type.Optional(Type.String()),
  tags: Type.Array(Type.String(), { description: "the first 100 that the commit moved" }),
  digest: Type.Optional(DigestText),
  client: Type.Optional(Type.String()),
  remote: Type.Optional(Type.String({ description: "the client's address" })),
  made: Type.Optional(Type.String({ description: "when imported content was pushed elsewhere" })),
});

const LogPageSchema = Type.Object({
  entries: Type.Array(LogEntry, { description: "the newest first" }),
  next: Next,
  previous: Type.Optional(Type.String({ description: "`cursor` of the page of newer commits" })),
  complete: Type.Boolean({
    description: "false: the search paused after many commits that do not match; `next` goes on",
  }),
});

/** A page of the log of what the actor may read. */
export function findEvents({ services, actor, config, at }: WebContext, query: LogQuery): Promise<LogPage> {
  const { tag, user, kind, client, since, until, cursor, limit = DEFAULT_LIMIT } = query;
  if (tag !== undefined && query.repository === undefined)
    throw new InvalidArgumentError("'tag' requires 'repository': the repository of the tag");
  return readLogPage(services, actor, {
    instance: config.name,
    repository: query.repository === undefined ? undefined : repositoryIn(query.repository),
    tag: tag === undefined ? undefined : tagIn(tag),
    user,
    kind,
    client,
    since: since === undefined ? undefined : timeIn("since", since),
    until: until === undefined ? undefined : timeIn("until", until),
    cursor,
    limit,
    at,
  });
}

function entryOf(record: LogRecord): Static<typeof LogEntry> {
  const { commitId, time, user, subject, repository, tags, digest, client, remote, made } = record;
  return {
    commit: commitId,
    time: time.toISOString(),
    user,
    kind: eventKind(subject),
    subject,
    ...(repository && { repository }),
    tags: tags.map(({ tag }) => tag),
    ...(digest && { digest }),
    ...(client !== undefined && { client }),
    ...(remote !== undefined && { remote }),
    ...(made !== undefined && { made: made.toISOString() }),
  };
}

function pageOf({ entries, older, newer, isComplete }: LogPage): Static<typeof LogPageSchema> {
  return {
    entries: entries.map(entryOf),
    ...(older !== undefined && { next: older }),
    ...(newer !== undefined && { previous: newer }),
    complete: isComplete,
  };
}

export const LOG_ROUTES = [
  apiRoute({
    method: "GET",
    path: "/log",
    operationId: "readLog",
    summary: "The commits of the registry that changed what the user may read.",
    query: LOG_QUERY,
    response: LogPageSchema,
    handle: async (context, { query }) => pageOf(await findEvents(context, query)),
  }),
  apiRoute({
    method: "GET",
    path: "/repositories/{repository}/-/log",
    operationId: "readRepositoryLog",
    summary: "The commits that changed a repository.",
    query: REPOSITORY_LOG_QUERY,
    response: LogPageSchema,
    handle: async (context, { path, query }) =>
      pageOf(await findEvents(context, { ...query, repository: path.repository })),
  }),
];
