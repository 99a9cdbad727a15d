import { existsSync, readdirSync, statSync } from "node:fs";
import { removeQuietly } from "../../../fs/durable.ts";
import type { PackPaths } from "./pack-merge.ts";

/** A pack without index this old was left by a crash between removing the two. */
const ORPHAN_MS = 60 * 60 * 1000;
/** Ours, also as earlier versions named them; git's own, of six letters, may be another process's in the making. */
const TEMPORARY = /^tmp_((pack|idx)_[0-9a-f-]{36}|[0-9a-f-]{36}\.(pack|idx))$/;

/** As git names its own: it reads whatever ends in `.idx`, and removes `tmp_*` that are old. */
export function temporaryPackPaths(packDir: string): PackPaths {
  const id = crypto.randomUUID();
  return { pack: `${packDir}/tmp_pack_${id}`, idx: `${packDir}/tmp_idx_${id}` };
}

/** Removes what a crash of this server left behind; young files of stock git may still be in the making. */
export function removePackLeftovers(packDir: string): void {
  const names = new Set(existsSync(packDir) ? readdirSync(packDir) : []);
  for (const name of names) {
    const path = `${packDir}/${name}`;
    const isOrphan = /^pack-.*\.pack$/.test(name) && !names.has(name.replace(/\.pack$/, ".idx"));
    if (isOrphan ? statSync(path).mtimeMs < Date.now() - ORPHAN_MS : TEMPORARY.test(name))
      removeQuietly(path);
  }
}
