import { lchownSync, lstatSync, readdirSync, statSync } from "node:fs";

/**
 * If root runs this process and another user owns the directory, the process becomes that user, for good: nothing that it
 * makes belongs to root, so that the server, which is not root, can still use it.
 */
export function becomeOwner(directory: string): void {
  const owner = ownerUnlessRoot(directory);
  if (!owner) return;
  process.setgroups?.([owner.gid]);
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
}

/**
 * If root runs this process and another user owns the directory, everything below it that belongs to root is given to that
 * user: for work that requires root's rights elsewhere.
 */
export function giveToOwner(directory: string): void {
  const owner = ownerUnlessRoot(directory);
  if (!owner) return;
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = `${directory}/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.uid === 0) lchownSync(path, owner.uid, owner.gid);
  }
}

function ownerUnlessRoot(directory: string): { readonly uid: number; readonly gid: number } | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(directory);
  return uid === 0 ? undefined : { uid, gid };
}
