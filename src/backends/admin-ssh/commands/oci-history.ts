import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type ContentChange, changesBetween } from "../../oci-http/content/content-changes.ts";
import type { HistoryEvent, HistoryFilter } from "../../oci-http/history/history.ts";
import { parsePointInTime } from "../../oci-http/history/point-in-time.ts";
import type { InstanceName } from "../../oci-http/settings/instance-config.ts";
import type { Command, CommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { hasRole, INSTANCE, readInstance, readServed, readTarget } from "./oci-access.ts";
import { readCommit, TIMES } from "./read-commit.ts";
import { isoTimeOf, listing, shortCommit, shortDigest, timeOf } from "./table.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;
/** Changes listed between two commits. */
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
        candidates: () => ["limit=", "user=", "since="],
      },
    ],
    summary: "show who pushed, deleted and restored what, the newest first",
    example: "/oci log default alpine:demo since=3d",
    adminOnly: false,
    async run([name = "", ...words], context) {
      const instance = readInstance(name);
      const { oci, until } = await readServed(context, instance);
      const { limit, ...filter } = readFilter(words);
      const events: HistoryEvent[] = [];
      const pace = new Pace(1);
      for await (const event of oci.history.events({ ...filter, until })) {
        await pace.rest();
        if (!maySee(context, instance, event.repository)) continue;
        events.push(event);
        if (events.length === limit) break;
      }
      return listing(events, EVENT_COLUMNS, context, { empty: "nothing has happened that matches" });
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
      const instance = readInstance(name);
      const { oci, until } = await readServed(context, instance);
      const { store } = oci;
      const id = await readCommit(oci, text, until);
      const { author, committer, message, parents } = await store.commitAt(id);
      const { changes, more } = await readableChanges(context, instance, store, parents[0], id);
      const { isAdministrator } = context;
      if (changes.length === 0 && !isAdministrator)
        throw new ConsoleError(`'${text}' changed nothing that you may read`);
      const { lines } = listing(changes, CHANGE_COLUMNS, context, { more });
      const time = isoTimeOf(committer.seconds);
      return {
        lines: [
          `commit ${id}`,
          `${author.name} <${author.email}>, ${timeOf(committer.seconds)} UTC`,
          "",
          ...message.trimEnd().split("\n"),
          "",
          ...lines,
        ],
        records: [{ commit: id, user: author.name, time, message }, ...changes],
      };
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
      const instance = readInstance(name);
      const { oci, until } = await readServed(context, instance);
      const { store } = oci;
      const newest = until ?? store.head().commitId;
      const from = await readCommit(oci, fromText, until);
      const to = toText === undefined ? newest : await readCommit(oci, toText, until);
      if (!to) return ["nothing differs"];
      const { changes, more } = await readableChanges(context, instance, store, from, to);
      return listing(changes, CHANGE_COLUMNS, context, { empty: "nothing differs", more });
    },
  },
];

const CHANGE_COLUMNS: Readonly<Record<string, (change: ContentChange) => string>> = {
  change: (change) => {
    if (change.kind === "manifest") return change.isThere ? "added" : "removed";
    return change.before && change.after ? "moved" : change.after ? "added" : "removed";
  },
  what: (change) =>
    change.kind === "manifest"
      ? `${change.repository}@${shortDigest(change.digest)}`
      : `${change.repository}:${change.tag}`,
  before: (change) => (change.kind === "tag" ? digestOrNone(change.before) : ""),
  after: (change) => (change.kind === "tag" ? digestOrNone(change.after) : ""),
};

const digestOrNone = (digest: Digest | undefined) => (digest ? shortDigest(digest) : "-");

const EVENT_COLUMNS: Readonly<Record<string, (event: HistoryEvent) => string>> = {
  "time (UTC)": ({ seconds }) => timeOf(seconds),
  user: ({ user }) => user,
  what: ({ subject }) => subject,
  digest: ({ digest }) => digestOrNone(digest),
  before: ({ tags }) => tags.map(({ previous }) => digestOrNone(previous)).join(",") || "-",
  commit: ({ commitId }) => shortCommit(commitId),
  from: ({ client, remote }) => [client, remote].filter((part) => part !== undefined).join(" at "),
};

/** What differs between two commits, as far as the one at the console may read. */
async function readableChanges(
  context: CommandContext,
  instance: InstanceName,
  store: Store,
  from: ObjectId | undefined,
  to: ObjectId,
): Promise<{ readonly changes: readonly ContentChange[]; readonly more: boolean }> {
  const changes: ContentChange[] = [];
  const pace = new Pace(1);
  for await (const change of changesBetween(store, from, to)) {
    await pace.rest();
    if (!hasRole(context, instance, change.repository, "reader")) continue;
    if (changes.length === MAX_CHANGES) return { changes, more: true };
    changes.push(change);
  }
  return { changes, more: false };
}

/** Who may not read a repository does not see what happened there; commits of no repository are the administrators'. */
function maySee(
  context: CommandContext,
  instance: InstanceName,
  repository: RepositoryName | undefined,
): boolean {
  if (repository === undefined) return context.isAdministrator;
  return hasRole(context, instance, repository, "reader");
}

function readFilter(words: readonly string[]): HistoryFilter & { readonly limit: number } {
  let filter: HistoryFilter = {};
  let limit = DEFAULT_LIMIT;
  for (const word of words) {
    const [, key, value = ""] = word.match(/^(limit|user|since)=(.*)$/) ?? [];
    if (key === "limit") {
      limit = Number(value);
      if (!/^\d+$/.test(value) || limit < 1 || limit > MAX_LIMIT) {
        throw new ConsoleError(`limit must be a number from 1 to ${MAX_LIMIT}, not '${value}'`);
      }
    } else if (key === "user") {
      filter = { ...filter, user: value };
    } else if (key === "since") {
      const point = parsePointInTime(value);
      if (point?.kind !== "time") throw new ConsoleError(`'${value}' is no time; use ${TIMES}`);
      filter = { ...filter, since: point.seconds };
    } else {
      filter = { ...filter, ...readTarget(word) };
    }
  }
  return { ...filter, limit };
}
