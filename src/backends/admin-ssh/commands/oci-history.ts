import { identityOf } from "../../../primitives/users/user-registry.ts";
import type { RepositoryName } from "../../../registry/repository-name.ts";
import { eventsOf, type HistoryEvent, type HistoryFilter } from "../../oci-http/history.ts";
import { isImmutable } from "../../oci-http/immutable-tags.ts";
import type { InstanceName } from "../../oci-http/instance-config.ts";
import { parsePointInTime } from "../../oci-http/point-in-time.ts";
import { planRestore, type RestorePlan, restore } from "../../oci-http/restore.ts";
import { type Command, type CommandContext, ConsoleError } from "../command.ts";
import { readCommit, TIMES } from "../read-commit.ts";
import { shortCommit, shortDigest, table, timeOf } from "../table.ts";
import { hasRole, INSTANCE, readInstance, readTarget } from "./oci-access.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;

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
      const { store } = context.instances.storeOf(instance);
      const { limit, ...filter } = readFilter(words);
      const rows: string[][] = [];
      for await (const event of eventsOf(store, filter)) {
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
    verb: "restore",
    parameters: [INSTANCE, { name: "repository:tag" }, { name: "when" }, { name: "--yes", optional: true }],
    summary: "make a tag stand again for what it stood for",
    example: "/oci restore default alpine:demo 2h",
    adminOnly: false,
    async run([name = "", target = "", when = "", yes], context) {
      if (yes !== undefined && yes !== "--yes") throw new ConsoleError(`'${yes}' is not --yes`);
      const instance = readInstance(name);
      const { repository, tag } = readTarget(target);
      if (!tag) throw new ConsoleError(`'${target}' names no tag; use <repository>:<tag>`);
      if (!hasRole(context, instance, repository, "writer")) {
        throw new ConsoleError(
          `restoring takes push access to '${repository}', which '${context.user}' has not`,
        );
      }
      const oci = context.instances.storeOf(instance);
      const from = await readCommit(oci.store, when);
      const plan = await planRestore(oci, repository, tag, from);
      if (!plan) throw new ConsoleError(`there was no tag '${target}' at ${shortCommit(from)}`);
      if (plan.missing.length > 0) {
        throw new ConsoleError(`nothing was changed: the bytes are gone of ${plan.missing.join(", ")}`);
      }
      if (plan.current === plan.digest) return [`'${target}' is what it was at ${shortCommit(from)} already`];
      if (plan.current && isImmutable(tag, context.instances.existing(instance).immutable)) {
        throw new ConsoleError(`'${target}' is write-once and stands for ${plan.current}; delete it first`);
      }
      const doing = describe(target, plan);
      if (!yes && !(await context.confirm(`${doing}?`))) return ["nothing was changed"];
      await restore(oci, plan, identityOf(context.user));
      return [doing];
    },
  },
];

function describe(target: string, { current, digest, from }: RestorePlan): string {
  const now = current ? `from ${shortDigest(current)}` : "anew";
  return `restore '${target}' ${now} to ${shortDigest(digest)}, as at ${shortCommit(from)}`;
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
