import { closeSync, constants, lchownSync, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * If root runs this process and another user owns the directory, the process becomes that user, for good: nothing that it
 * makes belongs to root, so that the server, which is not root, can still use it.
 */
export function becomeOwner(directory: string): void {
  const owner = ownerUnlessRoot(statSync(directory));
  if (owner) become(owner, [owner.gid]);
}

/** Like `becomeOwner` until `work` ends, for a process that requires root's rights elsewhere. */
export async function asOwner<T>(directory: string, work: () => T | Promise<T>): Promise<T> {
  const owner = ownerUnlessRoot(statSync(directory));
  if (!owner) return work();
  const groups = process.getgroups?.() ?? [];
  const gid = process.getegid?.() ?? 0;
  become(owner, [owner.gid]);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    become({ uid: 0, gid }, groups);
  }
}

function become({ uid, gid }: Owner, groups: number[]): void {
  process.setgroups?.(groups);
  process.setegid?.(gid);
  process.seteuid?.(uid);
}

/**
 * If root runs this process and another user owns the directory, everything below it that belongs to root is given to that
 * user. That user may change the directory meanwhile, and put links to other files there: no link is followed.
 */
export function giveToOwner(directory: string): void {
  giveTo(statSync(directory), directory);
}

/** The same for a directory that root has made: it is given to the owner of the directory above. */
export function giveToOwnerAbove(directory: string): void {
  const above = statSync(dirname(directory));
  giveTo(above, directory);
  if (ownerUnlessRoot(above)) lchownSync(directory, above.uid, above.gid);
}

function giveTo(target: Owner, directory: string): void {
  const owner = ownerUnlessRoot(target);
  if (owner) inside(directory, constants.O_DIRECTORY, (path) => giveEntries(path, owner));
}

function giveEntries(directory: string, owner: Owner): void {
  for (const name of readdirSync(directory)) {
    const path = `${directory}/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) inside(path, NO_LINK, (child) => giveEntries(child, owner));
    // A file with a second name may be one of root's from elsewhere.
    if (stat?.uid === 0 && (stat.isDirectory() || stat.nlink === 1)) lchownSync(path, owner.uid, owner.gid);
  }
}

const NO_LINK = constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Runs `work` with a path of the directory that does not lead elsewhere if something else takes its place. */
function inside(directory: string, flags: number, work: (path: string) => void): void {
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | flags);
  } catch {
    // It was removed, or something else took its place.
    return;
  }
  try {
    work(process.platform === "linux" ? `/proc/self/fd/${fd}` : directory);
  } finally {
    closeSync(fd);
  }
}

/** A link at or below a directory of another user, if root runs this process, which would write where the link leads. */
export function linkOfOther(directory: string): string | undefined {
  return ownerUnlessRoot(statSync(directory)) && linkBelow(directory);
}

function linkBelow(directory: string): string | undefined {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    const link = entry.isSymbolicLink() ? path : entry.isDirectory() ? linkBelow(path) : undefined;
    if (link !== undefined) return link;
  }
  return undefined;
}

function ownerUnlessRoot({ uid, gid }: Owner): Owner | undefined {
  return process.geteuid?.() === 0 && uid !== 0 ? { uid, gid } : undefined;
}
