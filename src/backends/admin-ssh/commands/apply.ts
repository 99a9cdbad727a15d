import { requireAdministrator } from "../../actor.ts";
import { type ApplyProposal, carryOutApply, proposeApply } from "../../apply/apply.ts";
import { exportDocument } from "../../apply/export.ts";
import type { LeftAlone, StateChange } from "../../apply/state-change.ts";
import { YES } from "./access-words.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

const PRUNE = "--prune";
const HASHES = "--password-hashes";
const APPLY_FLAGS: readonly string[] = [YES, PRUNE];
/** Most names of what is left alone that are listed. */
const MAX_NAMES = 20;
const SIGNS = { create: "+", change: "~", delete: "-" };

export const APPLY_COMMANDS: readonly Command[] = [
  {
    scope: "apply",
    parameters: [
      { name: APPLY_FLAGS.join("|"), optional: true, repeated: true, candidates: () => APPLY_FLAGS },
    ],
    summary: "compare with a document: of users, groups and registries; --yes makes the server so",
    details: [
      "the document is read from standard input, as in ssh <host> /apply --yes < everlock.toml; '/export' prints one",
      "what the document does not have is left alone; with --prune it is deleted, of the kinds that the document has",
      "all is checked before anything changes; there is one commit for the registries and one for users and groups",
    ],
    example: "/apply --yes --prune",
    adminOnly: true,
    isChange: (args) => args.includes(YES),
    async run(args, context) {
      requireAdministrator(context.actor);
      const unknown = args.find((arg) => !APPLY_FLAGS.includes(arg));
      if (unknown !== undefined) throw new ConsoleError(`'${unknown}' is none of ${APPLY_FLAGS.join(", ")}`);
      const text = await context.readDocument();
      const options = { isPruning: args.includes(PRUNE) };
      const proposal = proposeApply(context, context.actor, text, options);
      const isSure = args.includes(YES);
      const isChanged = isSure && (await carryOutApply(context, context.actor, proposal));
      const message = describeEnd(proposal, isSure);
      const { changes, leftAlone } = proposal;
      return {
        lines: [...renderProposal(proposal), message],
        records: [{ message, changed: isChanged, changes, leftAlone }],
      };
    },
  },
  {
    scope: "export",
    parameters: [{ name: HASHES, optional: true, candidates: () => [HASHES] }],
    summary: "print a document: what '/apply' reads, without API tokens",
    details: [`${HASHES} adds the Argon2id hashes of the passwords, to move the users to another server`],
    example: "/export",
    adminOnly: true,
    run([flag], context) {
      requireAdministrator(context.actor);
      if (flag !== undefined && flag !== HASHES) throw new ConsoleError(`'${flag}' is not ${HASHES}`);
      const document = exportDocument(context, context.actor, { hasHashes: flag === HASHES });
      return { lines: document.trimEnd().split("\n"), records: [{ document }] };
    },
  },
];

function describeEnd({ changes }: ApplyProposal, isSure: boolean): string {
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  if (changes.length === 0) return "nothing differs";
  return isSure ? `${count} made` : `${count}, nothing was changed; add ${YES} to make them`;
}

function renderProposal({ changes, leftAlone, namesakes }: ApplyProposal): readonly string[] {
  return [
    ...changes.flatMap(renderChange),
    ...namesakes.map(
      (name) => `! the user '${name}' will own the registry '${name}', because it has the same name`,
    ),
    ...leftAlone.map(renderLeftAlone),
  ];
}

function renderChange({ action, kind, name, details }: StateChange): readonly string[] {
  return [`${SIGNS[action]} ${action} ${kind} ${name}`, ...details.map((detail) => `    ${detail}`)];
}

function renderLeftAlone({ kind, names }: LeftAlone): string {
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `  left alone, ${kind}: ${names.slice(0, MAX_NAMES).join(", ")}${more}`;
}
