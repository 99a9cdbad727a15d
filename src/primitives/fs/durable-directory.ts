import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a directory, and those above it that are missing, so that they would survive a power cut. */
export function makeDirectory(path: string, mode = 0o755): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.push(at);
  for (const directory of missing.reverse()) {
    mkdirSync(directory, { mode });
    syncEntries(dirname(directory));
  }
}

function syncEntries(directory: string): void {
  // As `syncDirectory`; the few that are made at a start are waited for.
  if (process.platform === "win32") return;
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
