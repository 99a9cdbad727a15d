import { counted } from "../../../primitives/text/counted.ts";
import { carryOutUndo, isUndone, proposeUndo, type UndoProposal } from "../../oci-http/operations/undo.ts";
import { readYes, YES } from "./access-words.ts";
import type { Command } from "./command.ts";
import { describeMove } from "./oci-restore.ts";
import { INSTANCE, readInstance } from "./oci-words.ts";
import { outcome } from "./outcome.ts";
import { readMoment } from "./read-moment.ts";
import { shortCommit } from "./table.ts";

/** Most tags listed before the question. */
const MAX_MOVES = 1000;

export const OCI_UNDO_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "undo",
    parameters: [INSTANCE, { name: "commit" }, { name: YES, optional: true }],
    summary: "undo one commit: what it changed gets the state before it",
    details: [
      "it shows what would change and asks first; all of it is one commit, or nothing is changed",
      "it is refused if a tag that the commit changed has changed since; an undo can be undone",
    ],
    example: "/oci undo default 389f74b7fdc4",
    adminOnly: false,
    isChange: true,
    async run([name = "", commit = "", ...more], context) {
      const isSure = readYes(more);
      const request = { instance: readInstance(name), commit: readMoment(commit) };
      const proposal = await proposeUndo(context, context.actor, request);
      if (isUndone(proposal))
        return outcome(
          `what ${shortCommit(proposal.commit)} changed is as it was before it`,
          { undoes: proposal.commit },
          false,
        );
      const lines = renderUndo(proposal);
      if (!isSure) {
        await context.print(lines);
        if (!(await context.confirm("go on?"))) return outcome("nothing was changed", {}, false);
      }
      const { commit: made } = await carryOutUndo(context, context.actor, proposal);
      const done = `undone${made ? `, in the commit ${shortCommit(made)}` : ""}`;
      const { moves, manifests } = proposal;
      const record = { undoes: proposal.commit, commit: made, moves, ...manifests };
      return { lines: isSure ? [...lines, done] : [done], records: outcome(done, record).records };
    },
  },
];

function renderUndo({ commit, author, moves, manifests }: UndoProposal): string[] {
  const { restored, deleted, needed, undeletable } = manifests;
  const more = moves.length > MAX_MOVES ? [`  … and ${moves.length - MAX_MOVES} more`] : [];
  return [
    `undo ${shortCommit(commit)} by ${author.name}:`,
    ...moves.slice(0, MAX_MOVES).map((move) => describeMove(move, true)),
    ...more,
    ...(restored > 0 ? [`  restore ${counted(restored, "manifest")}`] : []),
    ...(deleted > 0 ? [`  delete ${counted(deleted, "manifest")} that it added`] : []),
    ...(needed > 0
      ? [`  keep ${counted(needed, "manifest")} that it added and that something needs by now`]
      : []),
    ...(undeletable > 0
      ? [`  keep ${counted(undeletable, "manifest")} that it added and that you may not delete`]
      : []),
  ];
}
