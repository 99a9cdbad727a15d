import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { tagTarget } from "../../oci-http/content/tag-target.ts";
import {
  deletesTags,
  missingFrom,
  planRestore,
  planRestoreAll,
  type RestorePlan,
  type RestoreRefusal,
  type RestoreTerms,
  restore,
  type TagRestore,
} from "../../oci-http/operations/restore-plan.ts";
import { isImmutable, type TagPattern } from "../../oci-http/policy/immutable-tags.ts";
import type { InstanceName } from "../../oci-http/settings/instance-config.ts";
import type { OciStore } from "../../oci-http/store/oci-store.ts";
import type { Command, CommandContext } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { hasRole, INSTANCE, readInstance, readTarget } from "./oci-access.ts";
import { readCommit } from "./read-commit.ts";
import { shortCommit, shortDigest } from "./table.ts";

const ALL = "--all";
/** Moves that are listed before it is asked whether to go on. */
const MAX_MOVES = 1000;
/** Digests that a refusal names. */
const MAX_MISSING = 20;

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
      const { at } = context.instances.existing(instance);
      if (at) throw new ConsoleError(`'${instance}' serves a past state and takes no changes`);
      const oci = context.instances.storeOf(instance);
      const plan = await makePlan(oci, instance, target, when, context);
      const what = target === ALL ? `all of '${instance}'` : `'${target}'`;
      if (plan.moves.length === 0) return [`${what} is what it was at ${shortCommit(plan.from)} already`];
      const terms = () => termsOf(context, instance, plan);
      checkPlan(plan, terms().immutable);
      const missing = await missingFrom(oci, plan, terms());
      if (missing.length > 0) throw new ConsoleError(describeRefusal({ kind: "missing", digests: missing }));
      const moves = plan.moves.slice(0, MAX_MOVES).map((move) => describeMove(move, target === ALL));
      const more = plan.moves.length > MAX_MOVES ? [`  … and ${plan.moves.length - MAX_MOVES} more`] : [];
      const lines = [`restore ${what} as at ${shortCommit(plan.from)}:`, ...moves, ...more];
      if (!yes) {
        await context.print(lines);
        if (!(await context.confirm("go on?"))) return ["nothing was changed"];
      }
      const refusal = await restore(oci, plan, context.actor, terms);
      if (refusal) throw new ConsoleError(describeRefusal(refusal));
      return yes ? lines : ["restored"];
    },
  },
];

async function makePlan(
  oci: OciStore,
  instance: InstanceName,
  target: string,
  when: string,
  context: CommandContext,
): Promise<RestorePlan> {
  if (target === ALL) {
    requireAdministrator(context);
    return planRestoreAll(oci, await readCommit(oci, when));
  }
  const { repository, tag } = readTarget(target);
  requireRole(context, instance, repository, "writer");
  const from: ObjectId = await readCommit(oci, when);
  if (tag && !(await tagTarget(await oci.store.at(from), repository, tag))) {
    throw new ConsoleError(`there was no tag '${repository}:${tag}' at ${shortCommit(from)}`);
  }
  return planRestore(oci, repository, tag, from);
}

/** What holds for a plan now. Throws `ConsoleError` if the one at the console may not carry it out. */
function termsOf(context: CommandContext, instance: InstanceName, plan: RestorePlan): RestoreTerms {
  const { immutable, references, at } = context.instances.existing(instance);
  if (at) throw new ConsoleError(`'${instance}' serves a past state and takes no changes`);
  if (plan.repository) {
    requireRole(context, instance, plan.repository, deletesTags(plan) ? "owner" : "writer");
  } else {
    requireAdministrator(context);
  }
  return { immutable, isSparse: references === "sparse" };
}

function requireAdministrator({ users, user }: CommandContext): void {
  if (!users.directory.isAdministrator(user))
    throw new ConsoleError(`restoring all requires a system administrator, which '${user}' is not`);
}

function requireRole(
  context: CommandContext,
  instance: InstanceName,
  repository: RepositoryName,
  role: "writer" | "owner",
): void {
  if (hasRole(context, instance, repository, role)) return;
  const access = role === "owner" ? "deletes tags and requires delete access" : "requires push access";
  throw new ConsoleError(`restoring ${access} to '${repository}', which '${context.user}' has not`);
}

/** Throws `ConsoleError` where a plan can't, or must not, be carried out. */
function checkPlan({ moves }: RestorePlan, immutable: readonly TagPattern[]): void {
  const fixed = moves.find((move) => move.before && isImmutable(move.tag, immutable));
  if (fixed) throw new ConsoleError(describeRefusal({ kind: "immutable", move: fixed }));
}

function describeRefusal(refusal: RestoreRefusal): string {
  switch (refusal.kind) {
    case "missing":
      return `nothing was changed: the bytes are gone of ${listOf(refusal.digests)}`;
    case "immutable": {
      const { repository, tag, before } = refusal.move;
      return `'${repository}:${tag}' is write-once and stands for ${before}; delete it first`;
    }
    case "moved": {
      const { repository, tag } = refusal.move;
      return `nothing was changed: '${repository}:${tag}' has moved meanwhile; run the command again`;
    }
  }
}

function listOf(digests: readonly Digest[]): string {
  const more = digests.length > MAX_MISSING ? ` and ${digests.length - MAX_MISSING} more` : "";
  return `${digests.slice(0, MAX_MISSING).join(", ")}${more}`;
}

function describeMove({ repository, tag, before, after }: TagRestore, isNamed: boolean): string {
  const name = isNamed ? `${repository}:${tag}` : tag;
  if (!after) return `  delete ${name}, which was ${before ? shortDigest(before) : "nothing"}`;
  return `  ${name} ${before ? `from ${shortDigest(before)}` : "set"} to ${shortDigest(after)}`;
}
