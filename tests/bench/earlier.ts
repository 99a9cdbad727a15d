import { rmSync } from "node:fs";
import { EVERLOCK, type PeerKind } from "./peers.ts";

/** Everlock as it was at `commit`, compiled from a worktree of it. */
export async function buildEarlier(commit: string, dir: string): Promise<PeerKind> {
  const root = `${import.meta.dir}/../..`;
  const name = (await Bun.$`git -C ${root} rev-parse --short ${`${commit}^{commit}`}`.quiet().text()).trim();
  const tree = `${dir}/earlier`;
  await Bun.$`git -C ${root} worktree add --detach ${tree} ${name}`.quiet();
  try {
    await Bun.$`cd ${tree} && ${process.execPath} install --frozen-lockfile && ${process.execPath} build.ts`.quiet();
    await Bun.$`mv ${tree}/dist/everlock ${dir}/everlock-${name}`;
  } finally {
    rmSync(tree, { recursive: true, force: true });
    await Bun.$`git -C ${root} worktree prune`.quiet();
  }
  return earlierKind(`commit ${name}`, `${dir}/everlock-${name}`);
}

export function earlierKind(name: string, program: string): PeerKind {
  return {
    ...EVERLOCK,
    name,
    program,
    command: (dir, port, flags) => [program, ...EVERLOCK.command(dir, port, flags).slice(1)],
  };
}
