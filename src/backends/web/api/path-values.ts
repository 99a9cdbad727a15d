import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseReference, parseTag, type Reference, type Tag } from "../../../registry/model/tag.ts";
import { InvalidArgumentError } from "../../refusals.ts";

/** Most characters of a wrong value that a message repeats. */
const MAX_ECHO = 100;

function required<T>(value: T | undefined, text: string, wanted: string): T {
  if (value !== undefined) return value;
  throw new InvalidArgumentError(`'${text.slice(0, MAX_ECHO)}' is not ${wanted}`);
}

/** Parameters of paths and queries. Each throws `InvalidArgumentError`. */
export function repositoryIn(text = ""): RepositoryName {
  return required(parseRepositoryName(text), text, "the name of a repository, such as team/app");
}

export function tagIn(text = ""): Tag {
  return required(parseTag(text), text, "a tag: up to 128 letters, digits, '.', '_' and '-'");
}

export function digestIn(text = ""): Digest {
  return required(parseDigest(text), text, "a digest, such as sha256: and 64 hex digits");
}

export function referenceIn(text = ""): Reference {
  return required(parseReference(text), text, "a tag or a digest");
}
