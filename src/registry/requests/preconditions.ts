import type { Digest } from "../../primitives/digest.ts";
import { type EntityTags, holds, type Precondition } from "../model/precondition.ts";
import { RegistryError } from "./errors.ts";

/** Why a GET or HEAD of this content is refused by its If-Match, if it is (RFC 9110, section 13.1.1). */
export function unmetByContent(request: Request, digest: Digest): RegistryError | undefined {
  if (!request.headers.has("If-Match")) return undefined;
  const match = readHeader(request, "If-Match");
  if (match instanceof RegistryError) return match;
  return holds({ match }, digest)
    ? undefined
    : new RegistryError("preconditionFailed", { details: [{ digest }] });
}

/** The If-Match and If-None-Match of a request that changes something; `undefined` if it has neither. */
export function readPrecondition(request: Request): Precondition | undefined | RegistryError {
  const match = readHeader(request, "If-Match");
  if (match instanceof RegistryError) return match;
  const noneMatch = readHeader(request, "If-None-Match");
  if (noneMatch instanceof RegistryError) return noneMatch;
  return match === undefined && noneMatch === undefined ? undefined : { match, noneMatch };
}

/** A weak tag counts for If-None-Match, and never meets an If-Match (RFC 9110, section 8.8.3.2). */
function readHeader(
  request: Request,
  name: "If-Match" | "If-None-Match",
): EntityTags | undefined | RegistryError {
  const header = request.headers.get(name);
  if (header === null) return undefined;
  if (header.trim() === "*") return "*";
  const tags = new Set<string>();
  const element = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\uffff]*)"[ \t]*)?(,|$)/y;
  let isEmpty = true;
  for (let isOver = false; !isOver; ) {
    const found = element.exec(header);
    if (!found) return new RegistryError("preconditionInvalid", { message: malformed(name) });
    const [, weak, tag, separator] = found;
    isOver = separator === "";
    if (tag === undefined) continue;
    isEmpty = false;
    if (name === "If-None-Match" || weak === undefined) tags.add(tag);
  }
  return isEmpty ? new RegistryError("preconditionInvalid", { message: malformed(name) }) : tags;
}

function malformed(name: string): string {
  return `${name} must be * or a list of entity tags, as in "sha256:<64 hex>" with its quotes`;
}
