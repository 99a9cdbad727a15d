import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { isImmutable, type TagPattern } from "../../oci-http/immutable-tags.ts";
import type { InstanceName } from "../../oci-http/instance-config.ts";
import type { OciStore } from "../../oci-http/oci-store.ts";
import {
  planRestore,
  planRestoreAll,
  type RestorePlan,
  restore,
  type TagRestore,
} from "../../oci-http/restore.ts";
import { type Command, type CommandContext, ConsoleError } from "../command.ts";
import { readCommit } from "../read-commit.ts";
import { shortCommit, shortDigest } from "../table.ts";
import { hasRole, INSTANCE, readInstance, readTarget } from "./oci-access.ts";

const ALL = "--all";
/** Moves that are listed before it is asked whether to go on. */
const MAX_MOVES = 1000;

export const OCI_RESTORE_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "restore",
    parameters: [
      INSTANCE,
      { name: "repository[:tag]|--all", candidates: () => [ALL] },
      { name: "when" },
      { name: "--yes", optional: true },
    ],
    summary: "make a tag, all tags of a repository, or all there are stand again for what they stood for",
    example: "/oci restore default alpine:demo 2h",
    adminOnly: false,
    isChange: true,
    async run([name = "", target = "", when = "", yes], context) {
      if (yes !== undefined && yes !== "--yes") throw new ConsoleError(`'${yes}' is not --yes`);
      const instance = readInstance(name);
      const { immutable, at } = context.instances.existing(instance);
      if (at) throw new ConsoleError(`'${instance}' serves a past state and takes no changes`);
      const oci = context.instances.storeOf(instance);
      const { plan, isOneTag } = await makePlan(oci, instance, target, when, context);
      const what = target === ALL ? `all of '${instance}'` : `'${target}'`;
      if (plan.moves.length === 0) return [`${what} is what it was at ${shortCommit(plan.from)} already`];
      checkPlan(plan, isOneTag, immutable);
      const moves = plan.moves.slice(0, MAX_MOVES).map((move) => describeMove(move, target === ALL));
      const more = plan.moves.length > MAX_MOVES ? [`  … and ${plan.moves.length - MAX_MOVES} more`] : [];
      const lines = [`restore ${what} as at ${shortCommit(plan.from)}:`, ...moves, ...more];
      if (yes) {
        await restore(oci, plan, context.actor);
        return lines;
      }
      await context.print(lines);
      if (!(await context.confirm("go on?"))) return ["nothing was changed"];
      await restore(oci, plan, context.actor);
      return ["restored"];
    },
  },
];

interface Made {
  readonly plan: RestorePlan;
  readonly isOneTag: boolean;
}

async function makePlan(
  oci: OciStore,
  instance: InstanceName,
  target: string,
  when: string,
  context: CommandContext,
): Promise<Made> {
  if (target === ALL) {
    if (!context.isAdministrator) {
      throw new ConsoleError(`restoring all takes a system administrator, which '${context.user}' is not`);
    }
    return { plan: await planRestoreAll(oci, await readCommit(oci, when)), isOneTag: false };
  }
  const { repository, tag } = readTarget(target);
  if (!hasRole(context, instance, repository, "writer")) {
    throw new ConsoleError(`restoring takes push access to '${repository}', which '${context.user}' has not`);
  }
  const from: ObjectId = await readCommit(oci, when);
  return { plan: await planRestore(oci, repository, tag, from), isOneTag: tag !== undefined };
}

/** Throws `ConsoleError` where a plan can't, or must not, be carried out. */
function checkPlan(
  { moves, missing, from }: RestorePlan,
  isOneTag: boolean,
  immutable: readonly TagPattern[],
): void {
  const [only] = moves;
  if (isOneTag && only && only.after === undefined) {
    throw new ConsoleError(`there was no tag '${only.repository}:${only.tag}' at ${shortCommit(from)}`);
  }
  if (missing.length > 0) {
    throw new ConsoleError(`nothing was changed: the bytes are gone of ${missing.join(", ")}`);
  }
  const fixed = moves.find((move) => move.before && isImmutable(move.tag, immutable));
  if (fixed) {
    throw new ConsoleError(
      `'${fixed.repository}:${fixed.tag}' is write-once and stands for ${fixed.before}; delete it first`,
    );
  }
}

function describeMove({ repository, tag, before, after }: TagRestore, isNamed: boolean): string {
  const name = isNamed ? `${repository}:${tag}` : tag;
  if (!after) return `  delete ${name}, which was ${before ? shortDigest(before) : "nothing"}`;
  return `  ${name} ${before ? `from ${shortDigest(before)}` : "anew"} to ${shortDigest(after)}`;
}
