import { existsSync, readdirSync } from "node:fs";
import type { ObjectId } from "../../git/object-id.ts";
import { MAIN_REF } from "./repository.ts";

const putBack = (dir: string) =>
  `point it at the newest commit with 'git -C ${dir} update-ref ${MAIN_REF} <commit>' ('git -C ${dir} fsck' ` +
  "lists commits that nothing refers to), or restore the store from a backup";

/**
 * Why a store without the branch can't be one that never had a commit; `undefined` if it can. The first commit of a store
 * is in its journal until the branch is there, so that objects without a branch are what a loss leaves behind. `indexed` is
 * the commit that an index was made of, if there is one.
 */
export function traceOfLostBranch(dir: string, indexed: ObjectId | undefined): string | undefined {
  const missing = `${dir}/${MAIN_REF} is missing (from packed-refs as well)`;
  if (indexed) {
    return `${missing}, but the index was made of commit ${indexed}; put it back with 'git -C ${dir} update-ref ${MAIN_REF} ${indexed}', or restore the store from a backup`;
  }
  const objects = `${dir}/objects`;
  const packs = readdirSync(`${objects}/pack`).filter((name) => /^pack-.*\.pack$/.test(name)).length;
  if (packs > 0) return `${missing}, but ${objects}/pack holds ${packs} packs of commits; ${putBack(dir)}`;
  const loose = readdirSync(objects)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .find((name) => readdirSync(`${objects}/${name}`).some((rest) => /^[0-9a-f]{62}$/.test(rest)));
  return loose === undefined
    ? undefined
    : `${missing}, but ${objects}/${loose} holds objects of commits; ${putBack(dir)}`;
}

/** Whether what makes the directory a repository is gone, but blobs are there: they are made after it. */
export function hasLostRepository(dir: string): boolean {
  const parts = ["HEAD", MAIN_REF, "packed-refs"];
  return existsSync(`${dir}/blobs`) && !parts.some((part) => existsSync(`${dir}/${part}`));
}
