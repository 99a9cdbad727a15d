import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseReference, parseTag, type Reference, type Tag } from "../../../registry/model/tag.ts";
import { parseSelection, type Selection } from "../../oci-http/operations/selection.ts";
import { type InstanceName, parseInstanceName } from "../../oci-http/settings/instance-config.ts";
import type { Parameter } from "./command.ts";
import { ConsoleError } from "./console-error.ts";

/** A registry as a command's argument. */
export const INSTANCE: Parameter = {
  name: "instance",
  candidates: (names) => names.registries().map(({ name }) => name),
};

/** A repository of the registry before it. */
export const REPOSITORY: Parameter = {
  name: "repository",
  candidates: (names, { text, before: [registry = ""] }) => names.repositories(registry, text),
};

export function readInstance(text: string): InstanceName {
  const name = parseInstanceName(text);
  if (!name) throw new ConsoleError(`'${text}' is not a registry's name; '/oci list' lists them`);
  return name;
}

/** Reads `<repository>` or `<repository>:<tag>`. */
export function readTarget(text: string): { repository: RepositoryName; tag: Tag | undefined } {
  const [name = "", tagText, ...more] = text.split(":");
  const repository = parseRepositoryName(name);
  const tag = tagText === undefined ? undefined : parseTag(tagText);
  if (!repository || more.length > 0 || (tagText !== undefined && !tag)) {
    throw new ConsoleError(`'${text}' is not a repository or tag; use <repository> or <repository>:<tag>`);
  }
  return { repository, tag };
}

/** Reads `<repository>:<tag>` or `<repository>@<digest>`. */
export function readSource(text: string): { repository: RepositoryName; source: Reference } {
  const at = text.search(/[:@]/);
  const repository = parseRepositoryName(text.slice(0, at));
  const source = parseReference(text.slice(at + 1));
  const isSpelled = source?.kind === (text[at] === "@" ? "digest" : "tag");
  if (at > 0 && repository && source && isSpelled) return { repository, source };
  throw new ConsoleError(`'${text}' names no image; use <repository>:<tag> or <repository>@<digest>`);
}

/** Reads `<repository>[:<tag>[,<tag>…]|@<digest>]`, with wildcards in repository and tag. */
export function readSelection(text: string): Selection {
  const selection = parseSelection(text);
  if (selection) return selection;
  throw new ConsoleError(
    `'${text}' is not a repository, tag or manifest; use <repository>, <repository>:<tag> or <repository>@<digest>; ` +
      "'*' stands for one component of the repository's name or any part of the tag, '**' for any number of components",
  );
}

const MAX_LIMIT = 1000;

/** Reads the number of `limit=<n>`. */
export function readLimit(value: string): number {
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new ConsoleError(`limit must be a number from 1 to ${MAX_LIMIT}, not '${value}'`);
}
