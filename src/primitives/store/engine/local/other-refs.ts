import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type ObjectId, parseObjectId } from "../../git/object-id.ts";
import { parsePackedRefs } from "../../git/packed-refs.ts";
import { MAIN_REF } from "./repository.ts";

/** The refs of a repository beside the branch of the store; those alone that name an object. */
export function otherRefsIn(dir: string): ReadonlyMap<string, ObjectId> {
  const packed = `${dir}/packed-refs`;
  const refs = new Map(existsSync(packed) ? parsePackedRefs(readFileSync(packed, "utf8"), packed) : []);
  const files = readdirSync(`${dir}/refs`, { recursive: true, withFileTypes: true });
  for (const entry of files) {
    if (!entry.isFile() || entry.name.endsWith(".lock")) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const id = parseObjectId(readFileSync(path, "utf8").trim());
    if (id) refs.set(path.slice(dir.length + 1), id);
  }
  refs.delete(MAIN_REF);
  return refs;
}
