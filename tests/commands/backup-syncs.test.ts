import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { binary } from "../support/binary.ts";
import { filledDirectory } from "../support/data-directory.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeWith, run } from "../support/tools.ts";

/** What a program did to the disk, in order. */
type Step =
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "unlink"; readonly path: string };

const SYNC = /\b(?:fsync|fdatasync)\(\d+<([^>]+)>/;
const RENAME =
  /\brename(?:at2?)?\((?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]+)", (?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]+)"/;
const MKDIR = /\bmkdir(?:at)?\((?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]+)".*\) = 0/;
const UNLINK = /\bunlink(?:at)?\((?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]+)".*\) = 0/;

function stepsOf(trace: string): Step[] {
  return readFileSync(trace, "utf8")
    .split("\n")
    .flatMap((line): Step[] => {
      const sync = line.match(SYNC)?.[1];
      if (sync !== undefined) return [{ kind: "sync", path: sync }];
      const [, from, to] = line.match(RENAME) ?? [];
      if (from !== undefined && to !== undefined) return [{ kind: "rename", from, to }];
      const made = line.match(MKDIR)?.[1];
      if (made !== undefined) return [{ kind: "mkdir", path: made }];
      const removed = line.match(UNLINK)?.[1];
      return removed === undefined ? [] : [{ kind: "unlink", path: removed }];
    });
}

/** What a power cut after the last step of `end` could take below `dir`, or leave half written. */
function unsafe(steps: readonly Step[], dir: string, end: number): string[] {
  const isSynced = (path: string, from: number, to: number) =>
    steps.slice(from, to).some((step) => step.kind === "sync" && step.path === path);
  return steps.slice(0, end).flatMap((step, at) => {
    if (step.kind === "sync" || step.kind === "unlink") return [];
    const path = step.kind === "rename" ? step.to : step.path;
    if (!path.startsWith(`${dir}/`)) return [];
    const faults: string[] = [];
    if (step.kind === "rename" && !isSynced(step.from, 0, at)) faults.push(`${path} was not synced`);
    if (!isSynced(dirname(path), at, end)) faults.push(`the entry of ${path} was not synced`);
    return faults;
  });
}

describeWith(["strace"], "a copied file", () => {
  const traced = async (...args: readonly string[]) => {
    const trace = `${temporaryDirectory()}/trace`;
    const calls = "trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat";
    const command = ["strace", "-f", "-qq", "-y", "-e", calls, "-o", trace, binary(), ...args];
    expect((await run(command, { cwd: temporaryDirectory() })).code).toBe(0);
    return stepsOf(trace);
  };

  test("is synced with its directories before a backup or restore is marked as finished", async () => {
    const { dataDir } = await filledDirectory(3);
    const dir = `${temporaryDirectory()}/backup`;
    const marker = `${dir}/everlock-backup.json`;
    for (let round = 0; round < 2; round++) {
      const steps = await traced("backup", dir, "--data-dir", dataDir);
      const renames = steps.flatMap((step, at) => (step.kind === "rename" ? [{ ...step, at }] : []));
      const markers = renames.filter(({ to }) => to === marker);
      // Unfinished before anything else is put in place, and finished after everything.
      expect(markers).toHaveLength(2);
      expect(renames.filter(({ to }) => to.startsWith(`${dir}/`)).at(0)?.to).toBe(marker);
      const end = markers.at(-1)?.at ?? 0;
      expect(renames.length).toBeGreaterThan(5);
      expect(unsafe(steps, dir, end)).toEqual([]);
    }
    const target = `${temporaryDirectory()}/data`;
    const steps = await traced("restore-backup", dir, "--data-dir", target);
    const end = steps.findLastIndex(
      (step) => step.kind === "unlink" && step.path === `${target}/everlock-restore.json`,
    );
    expect(end).toBeGreaterThan(10);
    expect(unsafe(steps, target, end)).toEqual([]);
  }, 30_000);
});
