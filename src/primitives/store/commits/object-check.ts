import { CorruptObjectError } from "../git/object.ts";
import type { ObjectId } from "../git/object-id.ts";
import type { ObjectReader } from "./object-reader.ts";

/** The result of a check of all objects. */
export interface ObjectReport {
  readonly commits: number;
  readonly objects: number;
  /** One problem per line: the object, where it is needed, and the fault. */
  readonly problems: readonly string[];
}

/** Objects checked between two calls of `step`: some milliseconds of work. */
const OBJECTS_PER_STEP = 20;

/**
 * Reads every object that the history refers to, once, and verifies its hash. `step` is called between objects and may
 * wait; false ends the check.
 */
export async function checkObjects(
  reader: ObjectReader,
  head: ObjectId | undefined,
  step: (progress: string) => Promise<boolean> = async () => true,
): Promise<ObjectReport> {
  const seen = new Set<ObjectId>();
  const problems: string[] = [];
  let commits = 0;
  let isEnded = false;
  const goOn = async () => {
    isEnded ||= !(await step(`${commits} commits checked`));
    return !isEnded;
  };
  const attempt = async <T>(
    id: ObjectId,
    where: string,
    read: () => T | Promise<T>,
  ): Promise<T | undefined> => {
    if (seen.has(id)) return undefined;
    seen.add(id);
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      problems.push(`${where}: ${error.message}`);
      return undefined;
    }
  };
  const checkTree = async (id: ObjectId, base: string, commit: ObjectId): Promise<void> => {
    const tree = await attempt(id, `commit ${commit}, directory '${base}'`, () => reader.tree(id));
    for (const [name, entry] of tree ?? []) {
      if (isEnded || (seen.size % OBJECTS_PER_STEP === 0 && !(await goOn()))) return;
      const path = `${base}${name}`;
      if (entry.kind === "tree") await checkTree(entry.id, `${path}/`, commit);
      else await attempt(entry.id, `commit ${commit}, file '${path}'`, () => reader.blob(entry.id));
    }
  };
  for (let pending = head ? [head] : []; pending.length > 0; ) {
    const [id, ...rest] = pending;
    pending = rest;
    if (!id) continue;
    const commit = await attempt(id, `commit ${id}`, () => reader.commit(id));
    if (!commit) continue;
    commits++;
    if (!(await goOn())) break;
    await checkTree(commit.tree, "", id);
    pending.push(...commit.parents);
  }
  return { commits, objects: seen.size, problems };
}
