import { counted } from "../../../primitives/text/counted.ts";
import {
  carryOutRestore,
  proposeRestore,
  type RestoreProposal,
  type RestoreTarget,
  restoreTargetOf,
  type TagRestore,
} from "../../oci-http/operations/restore.ts";
import { YES } from "./access-words.ts";
import type { Command, CommandResult } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { targetCandidates } from "./known-names.ts";
import { INSTANCE, readInstance, readSelection } from "./oci-words.ts";
import { outcome } from "./outcome.ts";
import { readMoment } from "./read-moment.ts";
import { shortCommit, shortDigest } from "./table.ts";

const ALL = "--all";
/** Most tags listed before the question. */
const MAX_MOVES = 1000;

export const OCI_RESTORE_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "restore",
    parameters: [
      INSTANCE,
      {
        name: "repository[:tag|@digest]|--all",
        candidates: async (names, place) => [ALL, ...(await targetCandidates(names, place))],
      },
      { name: "when" },
      { name: YES, optional: true },
    ],
    summary: "restore a tag, all tags of a repository, or all tags to a past state",
    example: "/oci restore default alpine:demo 2h",
    adminOnly: false,
    isChange: true,
    async run([name = "", targetText = "", when = "", yes], context): Promise<CommandResult> {
      if (yes !== undefined && yes !== YES) throw new ConsoleError(`'${yes}' is not ${YES}`);
      const instance = readInstance(name);
      const target = readRestoreTarget(targetText);
      const what = target.kind === "everything" ? `all of '${instance}'` : `'${targetText}'`;
      const moment = readMoment(when);
      const proposal = await proposeRestore(context, context.actor, { instance, target, moment });
      const lines = renderProposal(proposal, target, what);
      const record = { instance, from: proposal.from, moves: proposal.moves };
      if (proposal.moves.length === 0 && proposal.untagged === 0)
        return { lines, records: outcome(lines.join(), record, false).records };
      if (!yes) {
        await context.print(lines);
        if (!(await context.confirm("go on?"))) return outcome("nothing was changed", {}, false);
      }
      await carryOutRestore(context, context.actor, proposal);
      return { lines: yes ? lines : ["restored"], records: outcome("restored", record).records };
    },
  },
];

function readRestoreTarget(text: string): RestoreTarget {
  if (text === ALL) return { kind: "everything" };
  return restoreTargetOf(readSelection(text));
}

function renderProposal(
  { from, moves, untagged }: RestoreProposal,
  target: RestoreTarget,
  what: string,
): string[] {
  const when = from ? `at ${shortCommit(from)}` : "before the first commit, when the registry was empty";
  if (moves.length === 0 && untagged === 0) return [`${what} already has the state ${when}`];
  const isNamed = target.kind === "everything" || target.kind === "selection";
  const more = moves.length > MAX_MOVES ? [`  … and ${moves.length - MAX_MOVES} more`] : [];
  return [
    `restore ${what} as ${when}:`,
    ...moves.slice(0, MAX_MOVES).map((move) => describeMove(move, isNamed)),
    ...more,
    ...(untagged > 0 ? [`  and ${counted(untagged, "manifest")} that no tag named`] : []),
  ];
}

export function describeMove({ repository, tag, before, after }: TagRestore, isNamed: boolean): string {
  const name = isNamed ? `${repository}:${tag}` : tag;
  if (!after) return `  delete ${name}, which was ${before ? shortDigest(before) : "nothing"}`;
  return `  ${name} ${before ? `from ${shortDigest(before)}` : "set"} to ${shortDigest(after)}`;
}
