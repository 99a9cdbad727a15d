import { CorruptObjectError } from "./object.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";

/** A ref name below `refs/`, without the characters that git-check-ref-format forbids. */
const REF = /^refs\/(?!.*(?:\.\.|\/\/|@\{))[^\x00-\x20\x7f~^:?*[\\]+$/;

/**
 * Parses a `packed-refs` file (git-pack-refs): comments, lines with an id and a ref, and `^` lines with the id of a peeled
 * tag. Throws `CorruptObjectError` for any other line, because an ignored line could be a lost branch.
 */
export function parsePackedRefs(text: string, path: string): ReadonlyMap<string, ObjectId> {
  const refs = new Map<string, ObjectId>();
  const fail = (line: number): never => {
    throw new CorruptObjectError(path, `line ${line} is not an object id and a ref`);
  };
  const lines = text.split("\n");
  if (lines.pop() !== "") fail(lines.length + 1);
  for (const [i, line] of lines.entries()) {
    if (line.startsWith("#")) continue;
    if (line.startsWith("^")) {
      if (!parseObjectId(line.slice(1)) || refs.size === 0) fail(i + 1);
      continue;
    }
    const space = line.indexOf(" ");
    const id = parseObjectId(line.slice(0, Math.max(space, 0)));
    const ref = line.slice(space + 1);
    if (!id || !REF.test(ref) || refs.has(ref)) return fail(i + 1);
    refs.set(ref, id);
  }
  return refs;
}
