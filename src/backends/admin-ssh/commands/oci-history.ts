import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { Store } from "../../../primitives/store/store.ts";
import { identityOf } from "../../../primitives/users/user-registry.ts";
import type { RepositoryName } from "../../../registry/repository-name.ts";
import type { Tag } from "../../../registry/tag.ts";
import { type ContentChange, changesBetween } from "../../oci-http/content-changes.ts";
import type { HistoryEvent, HistoryFilter } from "../../oci-http/history.ts";
import { isImmutable, type TagPattern } from "../../oci-http/immutable-tags.ts";
import type { InstanceName } from "../../oci-http/instance-config.ts";
import { parsePointInTime } from "../../oci-http/point-in-time.ts";
import { planRestore, type RestorePlan, restore, type TagRestore } from "../../oci-http/restore.ts";
import { type Command, type CommandContext, ConsoleError } from "../command.ts";
import { readCommit, TIMES } from "../read-commit.ts";
import { shortCommit, shortDigest, table, timeOf } from "../table.ts";
import { hasRole, INSTANCE, readInstance, readTarget } from "./oci-access.ts";

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
      const { history } = context.instances.storeOf(instance);
      const { limit, ...filter } = readFilter(words);
      const rows: string[][] = [];
      for await (const event of history.events(filter)) {
        if (!maySee(context, instance, event.repository)) continue;
        rows.push(eventRow(event));
        if (rows.length === limit) break;
      }
      if (rows.length === 0) return ["nothing has happened that matches"];
      return table(["time (UTC)", "user", "what", "digest", "before", "commit", "from"], rows, context);
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
      const oci = context.instances.storeOf(instance);
      const { store } = oci;
      const id = await readCommit(oci, text);
      const { author, committer, message, parents } = await store.commitAt(id);
      const rows = await changeRows(context, instance, store, parents[0], id);
      const isAdministrator = context.users.directory.isAdministrator(context.user);
      if (rows.length === 0 && !isAdministrator)
        throw new ConsoleError(`'${text}' changed nothing that you may read`);
      return [
        `commit ${id}`,
        `${author.name} <${author.email}>, ${timeOf(committer.seconds)} UTC`,
        "",
        ...message.trimEnd().split("\n"),
        "",
        ...table(CHANGE_HEADER, rows, context),
      ];
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
      const oci = context.instances.storeOf(instance);
      const { store } = oci;
      const from = await readCommit(oci, fromText);
      const to = toText === undefined ? store.head().commitId : await readCommit(oci, toText);
      const rows = to ? await changeRows(context, instance, store, from, to) : [];
      return rows.length > 0 ? table(CHANGE_HEADER, rows, context) : ["nothing differs"];
    },
  },
  {
    scope: "oci",
    verb: "restore",
    parameters: [INSTANCE, { name: "repository[:tag]" }, { name: "when" }, { name: "--yes", optional: true }],
    summary: "make a tag, or all tags of a repository, stand again for what they stood for",
    example: "/oci restore default alpine:demo 2h",
    adminOnly: false,
    async run([name = "", target = "", when = "", yes], context) {
      if (yes !== undefined && yes !== "--yes") throw new ConsoleError(`'${yes}' is not --yes`);
      const instance = readInstance(name);
      const { repository, tag } = readTarget(target);
      if (!hasRole(context, instance, repository, "writer")) {
        throw new ConsoleError(
          `restoring takes push access to '${repository}', which '${context.user}' has not`,
        );
      }
      const { immutable, at } = context.instances.existing(instance);
      if (at) throw new ConsoleError(`'${instance}' serves a past state and takes no changes`);
      const oci = context.instances.storeOf(instance);
      const from = await readCommit(oci, when);
      const plan = await planRestore(oci, repository, tag, from);
      if (plan.moves.length === 0) return [`'${target}' is what it was at ${shortCommit(from)} already`];
      checkPlan(plan, tag, immutable);
      const lines = [`restore '${target}' as at ${shortCommit(from)}:`, ...plan.moves.map(describeMove)];
      if (yes) {
        await restore(oci, plan, identityOf(context.user));
        return lines;
      }
      context.print(lines);
      if (!(await context.confirm("go on?"))) return ["nothing was changed"];
      await restore(oci, plan, identityOf(context.user));
      return ["restored"];
    },
  },
];

const CHANGE_HEADER = ["change", "what", "before", "after"];

/** Throws `ConsoleError` where a plan can't, or must not, be carried out. */
function checkPlan(
  { repository, moves, missing, from }: RestorePlan,
  tag: Tag | undefined,
  immutable: readonly TagPattern[],
): void {
  const [only] = moves;
  if (tag && only?.after === undefined) {
    throw new ConsoleError(`there was no tag '${repository}:${tag}' at ${shortCommit(from)}`);
  }
  if (missing.length > 0) {
    throw new ConsoleError(`nothing was changed: the bytes are gone of ${missing.join(", ")}`);
  }
  const fixed = moves.find((move) => move.before && isImmutable(move.tag, immutable));
  if (fixed) {
    throw new ConsoleError(
      `'${repository}:${fixed.tag}' is write-once and stands for ${fixed.before}; delete it first`,
    );
  }
}

function describeMove({ tag, before, after }: TagRestore): string {
  if (!after) return `  delete ${tag}, which was ${before ? shortDigest(before) : "nothing"}`;
  return `  ${tag} ${before ? `from ${shortDigest(before)}` : "anew"} to ${shortDigest(after)}`;
}

/** What differs between two commits, as far as the one at the console may read. */
async function changeRows(
  context: CommandContext,
  instance: InstanceName,
  store: Store,
  from: ObjectId | undefined,
  to: ObjectId,
): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const change of changesBetween(store, from, to)) {
    if (!hasRole(context, instance, change.repository, "reader")) continue;
    if (rows.length === MAX_CHANGES) return [...rows, ["…"]];
    rows.push(changeRow(change));
  }
  return rows;
}

function changeRow(change: ContentChange): string[] {
  if (change.kind === "manifest") {
    const name = `${change.repository}@${shortDigest(change.digest)}`;
    return [change.isThere ? "added" : "removed", name, "", ""];
  }
  const { repository, tag, before, after } = change;
  const verb = before && after ? "moved" : after ? "added" : "removed";
  const cells = [before, after].map((digest) => (digest ? shortDigest(digest) : "-"));
  return [verb, `${repository}:${tag}`, ...cells];
}

function eventRow(event: HistoryEvent): string[] {
  const before = event.tags.map(({ previous }) => (previous ? shortDigest(previous) : "-")).join(",");
  const origin = [event.client, event.remote].filter((part) => part !== undefined).join(" at ");
  const digest = event.digest ? shortDigest(event.digest) : "-";
  return [
    timeOf(event.seconds),
    event.user,
    event.subject,
    digest,
    before || "-",
    shortCommit(event.commitId),
    origin,
  ];
}

/** Who may not read a repository does not see what happened there; commits of no repository are the administrators'. */
function maySee(
  context: CommandContext,
  instance: InstanceName,
  repository: RepositoryName | undefined,
): boolean {
  if (repository === undefined) return context.users.directory.isAdministrator(context.user);
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
