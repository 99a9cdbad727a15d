import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Creates a directory and its missing parents durably, also while other processes create the same ones. */
export function makeDirectory(path: string, mode = 0o755): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    // With `recursive` it may be there by now.
    mkdirSync(directory, { mode, recursive: true });
    syncEntries(dirname(directory));
  }
}

function syncEntries(directory: string): void {
  // Like `syncDirectory`, but blocking: only a few directories are created, at startup.
  if (process.platform === "win32") return;
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
