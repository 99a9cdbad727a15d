import { CorruptObjectError } from "./object.ts";
import { type ObjectId, parseObjectId } from "./object-id.ts";

/** A ref below `refs/` without what git forbids in one (git-check-ref-format). */
const REF = /^refs\/(?!.*(?:\.\.|\/\/|@\{))[^\x00-\x20\x7f~^:?*[\\]+$/;

/**
 * The refs of a `packed-refs` file: comments, then an id and a name a line, and after a tag's `^` and the id of what it
 * stands for (git-pack-refs). Throws `CorruptObjectError` for anything else: a line that is passed over is a lost branch.
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
