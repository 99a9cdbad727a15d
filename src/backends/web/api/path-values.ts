import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseReference, parseTag, type Reference, type Tag } from "../../../registry/model/tag.ts";
import { type Moment, parseMoment } from "../../oci-http/operations/moment.ts";
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

/** A past moment; `name` is that of the parameter. */
export function momentIn(name: string, text: string): Moment {
  const wanted = `a point in time: '${name}' is a time such as 2026-01-31T12:00:00Z, an age such as 2h, or a commit`;
  return required(parseMoment(text), text, wanted);
}

/** A moment that is no commit. */
export function timeIn(name: string, text: string): Date {
  const point = parseMoment(text)?.point;
  const time = point?.kind === "time" ? new Date(point.seconds * 1000) : undefined;
  const wanted = `a time: '${name}' is a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or an age such as 2h`;
  return required(time, text, wanted);
}

/** A commit by at least 4 digits. */
export function commitIn(text = ""): Moment {
  const moment = parseMoment(text);
  const commit = moment?.point.kind === "commit" ? moment : undefined;
  return required(commit, text, "a commit: at least 4 hexadecimal digits in lower case");
}
