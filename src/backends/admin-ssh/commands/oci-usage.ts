import { formatSize } from "../../../primitives/text/byte-size.ts";
import { type RegistryUsage, type RepositoryUse, readUsage } from "../../oci-http/operations/usage.ts";
import { WHOLE } from "./column-layout.ts";
import type { Command, Listing, Screen } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { INSTANCE, readInstance, readLimit } from "./oci-words.ts";
import { type Columns, formatTime, listing, TIME_LEAST } from "./table.ts";

const DEFAULT_LIMIT = 20;

export const OCI_USAGE_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "usage",
    parameters: [INSTANCE, { name: "limit=<n>", optional: true, candidates: () => ["limit="] }],
    summary: "show the largest repositories: bytes of their own, and bytes that others share",
    details: [
      "own: layers and configs that no other repository of the store names",
      "shared: those that others name too; they stay when this repository is deleted",
    ],
    example: "/oci usage default limit=10",
    adminOnly: true,
    async run([name = "", word], context) {
      const [, value] = word?.match(/^limit=(.*)$/) ?? [];
      if (word !== undefined && value === undefined)
        throw new ConsoleError(`'${word}' is not understood; use limit=<n>`);
      const limit = value === undefined ? DEFAULT_LIMIT : readLimit(value);
      const usage = await readUsage(context, context.actor, { instance: readInstance(name), limit });
      return renderUsage(usage, context);
    },
  },
];

export function renderUsage({ repositories, total, sharedWith }: RegistryUsage, screen: Screen): Listing {
  const { lines } = listing(repositories, USAGE_COLUMNS, screen, { empty: "no repositories" });
  const left = total - repositories.length;
  return {
    lines: [
      ...lines,
      ...(left > 0 ? [`… and ${left} smaller repositories; limit=<n> shows more`] : []),
      ...(sharedWith.length > 0
        ? [`the store is also that of ${sharedWith.join(", ")}: these are the repositories of all of them`]
        : []),
    ],
    records: repositories,
  };
}

const USAGE_COLUMNS: Columns<RepositoryUse> = {
  repository: ({ repository }) => repository,
  own: { cell: ({ ownBytes }) => formatSize(ownBytes), least: WHOLE },
  shared: { cell: ({ sharedBytes }) => formatSize(sharedBytes), least: WHOLE },
  manifests: {
    cell: ({ manifests, manifestBytes }) => `${manifests} (${formatSize(manifestBytes)})`,
    leaveOut: 2,
  },
  tags: { cell: ({ tags }) => String(tags), leaveOut: 1 },
  "last pull (UTC)": {
    cell: ({ pulled }) => (pulled ? formatTime(pulled) : "-"),
    least: TIME_LEAST,
    leaveOut: 3,
  },
};
