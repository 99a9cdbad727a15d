import { withRemoteHold } from "../frontends/control/control-client.ts";
import { asOwner } from "../primitives/fs/directory-owner.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import { StoredCommits } from "../primitives/store/engine/local/copy/stored-commits.ts";
import { hasUnseenCommits } from "../primitives/store/engine/local/unseen-commits.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { CommandError } from "./command-error.ts";
import { isDamage, withDirectory } from "./data-copy.ts";

/** The stores of a data directory while nothing is removed from them. */
export interface SettledStores {
  /** Those that can't be copied: damaged ones, and those whose acknowledged commits a copy would miss. */
  readonly unusable: ReadonlyMap<StoreName, Error>;
  /** Those of registries with `references=sparse` as the running server says; `undefined` if none runs. */
  readonly sparseStores: readonly StoreName[] | undefined;
}

/**
 * Runs `work` while nothing is removed from a data directory, by the server that uses it or because none does, and with all
 * acknowledged commits in the repositories.
 */
export async function withSettledStores<T>(
  dataDir: string,
  work: (settled: SettledStores) => Promise<T>,
): Promise<T> {
  const held = await withRemoteHold(dataDir, async ({ openStores, sparseStores = [] }) =>
    work({ unusable: await unfinishedStores(dataDir, openStores), sparseStores }),
  );
  if (held) return held.result;
  return withDirectory(dataDir, async () =>
    work({ unusable: await asOwner(dataDir, () => finishCommits(dataDir)), sparseStores: undefined }),
  );
}

/** Opens the commits of a settled store, to be read and closed. */
export function settledCommits(dataDir: string, name: StoreName): Promise<StoredCommits> {
  return StoredCommits.open(`${dataDir}/${name}`);
}

/** Opens each store, which recovers commits that a crashed server acknowledged. Returns the stores that can't be opened. */
async function finishCommits(dataDir: string): Promise<ReadonlyMap<StoreName, Error>> {
  const damaged = new Map<StoreName, Error>();
  const manager = localStores(dataDir, consoleLogger);
  for (const name of await manager.list()) {
    try {
      await (await manager.open(name)).close();
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.set(name, error);
    }
  }
  return damaged;
}

/** The stores that the server does not use and whose acknowledged commits a copy would miss. */
async function unfinishedStores(
  dataDir: string,
  openStores: readonly StoreName[] | undefined,
): Promise<ReadonlyMap<StoreName, Error>> {
  const unfinished = new Map<StoreName, Error>();
  for (const name of await localStores(dataDir, consoleLogger).list()) {
    if (!openStores || openStores.includes(name)) continue;
    try {
      if (await hasUnseenCommits(`${dataDir}/${name}`)) {
        const reason = `the store '${name}' has commits in its journal, and the server does not use it; stop the server and run 'everlock fsck ${name}' to move them to its branch`;
        unfinished.set(name, new CommandError(reason));
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      unfinished.set(name, error);
    }
  }
  return unfinished;
}
