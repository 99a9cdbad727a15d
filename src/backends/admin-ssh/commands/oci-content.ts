import { counted } from "../../../primitives/text/counted.ts";
import {
  carryOutRemoval,
  proposeRemoval,
  type RemovalProposal,
  type RemovalRecord,
} from "../../oci-http/operations/remove.ts";
import { readYes, YES } from "./access-words.ts";
import type { Command, CommandContext } from "./command.ts";
import { targetCandidates } from "./known-names.ts";
import { INSTANCE, readInstance, readSelection } from "./oci-words.ts";
import { outcome } from "./outcome.ts";
import { IF_EXISTS } from "./repeat.ts";
import { shortCommit, shortDigest } from "./table.ts";

export const OCI_CONTENT_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "rm",
    parameters: [
      INSTANCE,
      { name: "repository[:tag|@digest]", candidates: targetCandidates },
      { name: YES, optional: true },
    ],
    summary: "delete a tag, a manifest with its tags, a repository, or all that a pattern matches",
    details: [
      "in a repository '*' stands for one component of the name and '**' for any number, in a tag '*' for any text",
      "it shows what would go and asks first; all of it is one commit, or nothing is deleted",
      "a tag is deleted without its manifest, as over HTTP; '/oci restore' restores what was deleted",
    ],
    example: "/oci rm default alice/**:pr-*",
    adminOnly: false,
    isChange: true,
    repeats: [IF_EXISTS],
    async run([name = "", text = "", ...more], context) {
      const isSure = readYes(more);
      const request = { instance: readInstance(name), selection: readSelection(text) };
      const proposal = await proposeRemoval(context, context.actor, request);
      const lines = renderRemoval(proposal);
      if (!isSure && !(await isConfirmed(lines, context))) return outcome("nothing was changed", {}, false);
      const record = await carryOutRemoval(context, context.actor, proposal);
      const done = renderRemoved(proposal, record);
      const { counts } = proposal;
      return {
        lines: isSure ? [...lines, ...done] : done,
        records: [
          { message: done.join("; "), changed: true, ...counts, ...record, undo: undoOf(proposal, record) },
        ],
      };
    },
  },
];

/** Shows what would change, and asks. */
async function isConfirmed(lines: readonly string[], context: CommandContext): Promise<boolean> {
  await context.print(lines);
  return context.confirm("go on?");
}

function renderRemoval({
  instance,
  selection,
  counts,
  tags,
  manifests,
  untagged,
}: RemovalProposal): string[] {
  const left = counts.tags + counts.manifests - tags.length - manifests.length;
  return [
    `delete from '${instance}' what '${selection.text}' names: ${counted(counts.tags, "tag")} and ${counted(counts.manifests, "manifest")} in ${counted(counts.repositories, "repository", "repositories")}`,
    ...tags.map(
      ({ repository, tag, digest }) =>
        `  ${repository}:${tag}, which is ${digest ? shortDigest(digest) : "no digest"}`,
    ),
    ...manifests.map(({ repository, digest }) => `  ${repository}@${shortDigest(digest)}`),
    ...(left > 0 ? [`  … and ${left} more`] : []),
    ...(untagged > 0
      ? [
          `without a tag, but kept: ${counted(untagged, "manifest")}; '@<digest>' or a cleanup rule deletes it`,
        ]
      : []),
  ];
}

function renderRemoved(proposal: RemovalProposal, record: RemovalRecord): string[] {
  return [`deleted, in the commit ${shortCommit(record.commit)}`, `undo: ${undoOf(proposal, record)}`];
}

function undoOf({ instance, selection }: RemovalProposal, { before }: RemovalRecord): string {
  const what = selection.text.includes("*") ? `'${selection.text}'` : selection.text;
  return `/oci restore ${instance} ${what} ${shortCommit(before)}`;
}
