import type { Digest } from "../../../primitives/digest.ts";
import { fitColumns, visibleText } from "../../../primitives/text/visible-text.ts";
import { firstFew } from "../../../primitives/text/wrap.ts";
import { firstOf } from "../../first-of.ts";
import { type ContentChange, diffMoments } from "../../oci-http/operations/diff.ts";
import { type LogRecord, type LogRequest, MAX_LISTED_TAGS, readLog } from "../../oci-http/operations/log.ts";
import { parseMoment } from "../../oci-http/operations/moment.ts";
import { type CommitRecord, showCommit } from "../../oci-http/operations/show.ts";
import type { InstanceName } from "../../oci-http/settings/instance-config.ts";
import { LOGIN } from "./access-words.ts";
import { WHOLE } from "./column-layout.ts";
import type { Command, Listing, Screen } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { settingCandidates, targetCandidates } from "./known-names.ts";
import { INSTANCE, readInstance, readLimit, readTarget } from "./oci-words.ts";
import { readMoment, TIMES } from "./read-moment.ts";
import { type Columns, formatTime, listing, shortCommit, shortDigest, TIME_LEAST } from "./table.ts";

const DEFAULT_LIMIT = 20;
/** Tags of one commit that the log names, and digests; `/oci show` has all. */
const MAX_NAMED = 3;
/** Longest subject that the log shows, in UTF-16 units. */
const MAX_SUBJECT = 200;
const LOG_WORDS = { limit: undefined, user: LOGIN.candidates, since: undefined };
/** Most changes listed between two commits. */
const MAX_CHANGES = 1000;

export const OCI_HISTORY_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "log",
    parameters: [
      INSTANCE,
      {
        name: "repository[:tag] limit=<n> user=<login> since=<when>",
        optional: true,
        repeated: true,
        candidates: async (names, place) => [
          ...(await targetCandidates(names, place)),
          ...(await settingCandidates(LOG_WORDS, names, place)),
        ],
      },
    ],
    summary: "show who pushed, deleted and restored what, the newest first",
    example: "/oci log default alpine:demo since=3d",
    adminOnly: false,
    async run([name = "", ...words], context) {
      const instance = readInstance(name);
      const { limit, ...filter } = readFilter(words);
      const records = readLog(context, context.actor, { instance, ...filter });
      return renderLog((await firstOf(records, limit)).entries, context, instance);
    },
  },
  {
    scope: "oci",
    verb: "show",
    parameters: [INSTANCE, { name: "commit" }],
    summary: "show one commit: who, when, and the tags and manifests that it changed",
    example: "/oci show default 3d3ea4e72cd1",
    adminOnly: false,
    async run([name = "", text = ""], context) {
      const [instance, commit] = [readInstance(name), readMoment(text)];
      const request = { instance, commit, limit: MAX_CHANGES };
      return renderCommit(await showCommit(context, context.actor, request), context);
    },
  },
  {
    scope: "oci",
    verb: "diff",
    parameters: [INSTANCE, { name: "when" }, { name: "when", optional: true }],
    summary: "list the tags and manifests that were added, moved and removed between two moments",
    example: "/oci diff default yesterday",
    adminOnly: false,
    async run([name = "", fromText = "", toText], context) {
      const [instance, from] = [readInstance(name), readMoment(fromText)];
      const to = toText === undefined ? undefined : readMoment(toText);
      const changes = diffMoments(context, context.actor, { instance, from, to });
      const { entries, more } = await firstOf(changes, MAX_CHANGES);
      return listing(entries, CHANGE_COLUMNS, context, { empty: "nothing differs", more });
    },
  },
];

export function renderLog(records: readonly LogRecord[], screen: Screen, instance: InstanceName): Listing {
  const { lines } = listing(records, LOG_COLUMNS, screen, { empty: "no matching events" });
  const long = records.find(({ tags }) => tags.length > MAX_NAMED);
  const hint = long && `'/oci show ${instance} ${shortCommit(long.commitId)}' lists all tags of that commit`;
  return {
    lines: hint === undefined ? lines : [...lines, hint],
    records: records.map(({ commitId, time, ...event }) => ({ commitId, time, ...event })),
  };
}

function renderCommit({ id, author, time, message, changes }: CommitRecord, screen: Screen): Listing {
  const { lines } = listing(changes.entries, CHANGE_COLUMNS, screen, { more: changes.more });
  return {
    lines: [
      `commit ${id}`,
      `${author.name} <${author.email}>, ${formatTime(time)} UTC`,
      "",
      ...message.trimEnd().split("\n"),
      "",
      ...lines,
    ],
    records: [{ commit: id, user: author.name, time, message }, ...changes.entries],
  };
}

const CHANGE_COLUMNS: Columns<ContentChange> = {
  change: {
    cell: (change) => {
      if (change.kind === "manifest") return change.isThere ? "added" : "removed";
      return change.before && change.after ? "moved" : change.after ? "added" : "removed";
    },
  },
  what: (change) =>
    change.kind === "manifest"
      ? `${change.repository}@${shortDigest(change.digest)}`
      : `${change.repository}:${change.tag}`,
  before: {
    cell: (change) => (change.kind === "tag" ? digestOrNone(change.before) : ""),
    leaveOut: 2,
    least: WHOLE,
  },
  after: {
    cell: (change) => (change.kind === "tag" ? digestOrNone(change.after) : ""),
    leaveOut: 1,
    least: WHOLE,
  },
};

const digestOrNone = (digest: Digest | undefined) => (digest ? shortDigest(digest) : "-");

/** The subject with the tags that it concerns, at most `MAX_NAMED` of them. */
function whatHappened({ subject, repository, tags }: LogRecord): string {
  const end = repository === undefined ? -1 : subject.indexOf(repository) + repository.length;
  if (tags.length === 0 || end < 0) return clipped(subject);
  const all = tags.map(({ tag }) => tag);
  // A message that lists the most tags may leave out others.
  const isCut = all.length === MAX_LISTED_TAGS;
  const names = isCut ? `${all.slice(0, MAX_NAMED).join(", ")}, …` : firstFew(all, MAX_NAMED);
  const rest = subject.slice(end);
  // Pushes and deletions of tags name them all in the subject.
  if (rest === `:${all.join(", ")}`) return `${subject.slice(0, end + 1)}${names}`;
  const isNamed = rest.startsWith(":") && !subject.startsWith("delete ");
  return isNamed ? clipped(subject) : `${clipped(subject)} (${names})`;
}

function digestsBefore({ tags }: LogRecord): string {
  const digests = new Set(tags.map(({ previous }) => digestOrNone(previous)));
  return firstFew([...digests], MAX_NAMED) || "-";
}

/** Subjects of commits that stock git made may have any length. */
function clipped(subject: string): string {
  return subject.length > MAX_SUBJECT
    ? `${fitColumns(visibleText(subject.slice(0, MAX_SUBJECT)), MAX_SUBJECT)}…`
    : subject;
}

const LOG_COLUMNS: Columns<LogRecord> = {
  "time (UTC)": { cell: ({ time }) => formatTime(time), least: TIME_LEAST },
  user: ({ user }) => user,
  what: (record) => `${whatHappened(record)}${record.made ? `, of ${formatTime(record.made)}` : ""}`,
  digest: { cell: ({ digest }) => digestOrNone(digest), leaveOut: 2, least: WHOLE },
  before: { cell: digestsBefore, leaveOut: 3 },
  commit: { cell: ({ commitId }) => shortCommit(commitId), leaveOut: 1 },
  from: {
    cell: ({ client, remote }) => [client, remote].filter((part) => part !== undefined).join(" at "),
    leaveOut: 4,
  },
};

function readFilter(words: readonly string[]): Omit<LogRequest, "instance"> & { readonly limit: number } {
  let filter: Omit<LogRequest, "instance"> = {};
  let limit = DEFAULT_LIMIT;
  for (const word of words) {
    const [, key, value = ""] = word.match(/^(limit|user|since)=(.*)$/) ?? [];
    if (key === "limit") {
      limit = readLimit(value);
    } else if (key === "user") {
      filter = { ...filter, user: value };
    } else if (key === "since") {
      const point = parseMoment(value)?.point;
      if (point?.kind !== "time") throw new ConsoleError(`'${value}' is not a time; use ${TIMES}`);
      filter = { ...filter, since: new Date(point.seconds * 1000) };
    } else {
      filter = { ...filter, ...readTarget(word) };
    }
  }
  return { ...filter, limit };
}
