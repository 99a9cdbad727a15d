import type { Branch } from "../../../src/primitives/store/engine/branch.ts";
import type { ObjectId } from "../../../src/primitives/store/git/object-id.ts";
import type { MemoryStore } from "./memory-store.ts";

/** The branch as a node sees it that learns of other nodes' moves only when it looks. */
export function distantBranch(memory: MemoryStore): {
  readonly branch: Branch;
  readonly looks: () => number;
} {
  const near = memory.openBranch();
  let known: ObjectId | undefined = memory.head;
  let looks = 0;
  const look = async () => {
    looks++;
    known = memory.head;
    return known;
  };
  const publish: Branch["publish"] = async (move) => {
    const isPublished = await near.publish(move);
    known = memory.head;
    return isPublished;
  };
  const branch: Branch = {
    ...near,
    read: async () => known,
    refresh: look,
    publish,
    watch: () => () => undefined,
  };
  return { branch, looks: () => looks };
}
