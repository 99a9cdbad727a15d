import { counted } from "../../../primitives/text/counted.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { copyRepository } from "../../oci-http/operations/copy.ts";
import { retag } from "../../oci-http/operations/retag.ts";
import type { Command } from "./command.ts";
import { ConsoleError } from "./console-error.ts";
import { targetCandidates } from "./known-names.ts";
import { INSTANCE, REPOSITORY, readInstance, readSource, readTarget } from "./oci-words.ts";
import { outcome } from "./outcome.ts";
import { IF_EXISTS, IF_MISSING } from "./repeat.ts";
import { shortCommit, shortDigest } from "./table.ts";

export const OCI_COPY_COMMANDS: readonly Command[] = [
  {
    scope: "oci",
    verb: "tag",
    parameters: [
      INSTANCE,
      { name: "repository:tag", candidates: targetCandidates },
      { name: "repository:new-tag", candidates: targetCandidates },
    ],
    summary: "point a tag at the image of another tag, or a digest, of the same repository, as to promote it",
    example: "/oci tag default app:v1 app:prod",
    adminOnly: false,
    isChange: true,
    async run([name = "", sourceText = "", text = ""], context) {
      const instance = readInstance(name);
      const { repository, source } = readSource(sourceText);
      const target = readTarget(text);
      const { tag } = target;
      if (!tag) throw new ConsoleError(`'${text}' names no tag; use <repository>:<tag>`);
      if (repository !== target.repository)
        throw new ConsoleError("both must be in one repository; '/oci copy' copies a repository");
      const request = { instance, repository, source, tag };
      const record = await retag(context, context.actor, request);
      if (!record.commit)
        return outcome(
          `'${text}' is ${shortDigest(record.digest)} already; nothing was changed`,
          { repository, tag, ...record },
          false,
        );
      const before = record.previous ? `, before ${shortDigest(record.previous)}` : "";
      const undo = record.previous
        ? `/oci restore ${instance} ${text} ${shortCommit(record.before)}`
        : `/oci rm ${instance} ${text}`;
      const lines = [`'${text}' is ${shortDigest(record.digest)}${before}`, `undo: ${undo}`];
      return { lines, records: [{ message: lines[0], changed: true, repository, tag, ...record, undo }] };
    },
  },
  copyCommand(
    "copy",
    "copy a repository's tags, manifests and referrers to a new name; no bytes are moved",
    (instance, _from, to) => `/oci rm ${instance} ${to}`,
  ),
  copyCommand(
    "rename",
    "give a repository another name; the history before stays with the old name",
    (instance, from, to) => `/oci rename ${instance} ${to} ${from}`,
  ),
];

function copyCommand(
  kind: "copy" | "rename",
  summary: string,
  undoOf: (instance: string, from: string, to: string) => string,
): Command {
  return {
    scope: "oci",
    verb: kind,
    parameters: [INSTANCE, REPOSITORY, { name: "new" }],
    summary,
    details: ["the new repository must hold nothing; all of it is one commit"],
    example: `/oci ${kind} default app team/app`,
    repeats: [kind === "copy" ? IF_MISSING : IF_EXISTS],
    adminOnly: false,
    isChange: true,
    async run([name = "", fromText = "", toText = ""], context) {
      const instance = readInstance(name);
      const [from, to] = [readRepository(fromText), readRepository(toText)];
      const record = await copyRepository(context, context.actor, { instance, from, to, kind });
      const { tags, manifests, commit } = record;
      const undo = undoOf(instance, from, to);
      const done = kind === "copy" ? "copied" : "renamed";
      const message = `'${from}' ${done} to '${to}': ${counted(tags, "tag")}, ${counted(manifests, "manifest")}, in the commit ${shortCommit(commit)}`;
      const lines = [message, `undo: ${undo}`];
      return { lines, records: [{ message, changed: true, from, to, ...record, undo }] };
    },
  };
}

function readRepository(text: string): RepositoryName {
  const repository = parseRepositoryName(text);
  if (repository) return repository;
  throw new ConsoleError(
    `'${text}' is not a repository; use lower-case components of letters, digits and single separators, joined by '/'`,
  );
}
