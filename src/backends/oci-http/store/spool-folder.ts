import { rmSync } from "node:fs";

/** Where blobs that are being fetched are kept on this machine, if the storage has no file for them. `dir`: of the store. */
export function spoolFolder(dir: string): string {
  return `${dir}/spool`;
}

/** Removes what a killed server has left. */
export function clearSpool(dir: string): void {
  rmSync(spoolFolder(dir), { recursive: true, force: true });
}
