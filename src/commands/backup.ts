import { existsSync } from "node:fs";
import { defineCommand } from "citty";
import { INSTANCES_PATH, SYSTEM_STORE } from "../backends/oci-http/settings/instance-config.ts";
import { missingBlobs } from "../backends/oci-http/store/missing-blobs.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { UsageError } from "../config/settings.ts";
import type { Digest } from "../primitives/digest.ts";
import { replaceFile, syncDirectory } from "../primitives/fs/durable.ts";
import { consoleLogger } from "../primitives/logging/logger.ts";
import type { StoreCopy } from "../primitives/store/engine/local/copy/store-copy.ts";
import { encodeInventory, inventoryOf } from "../primitives/store/engine/local/copy/store-inventory.ts";
import { StoredCommits } from "../primitives/store/engine/local/copy/stored-commits.ts";
import { LocalBlobs } from "../primitives/store/engine/local/local-blobs.ts";
import { localStores } from "../primitives/store/open-engine.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { markedStorage } from "../server/storage-marker.ts";
import { type BackedUpStore, inventoryPath, readMarker, writeMarker } from "./backup-marker.ts";
import { copyBucket } from "./bucket-backup.ts";
import { CommandError } from "./command-error.ts";
import {
  COPY_ARGS,
  copyAll,
  type DataCopy,
  directoriesOf,
  finishing,
  isEmpty,
  refuseFailures,
  withDirectory,
} from "./data-copy.ts";
import { type OfflineStorage, openOffline, STORAGE_ARGS } from "./offline-storage.ts";
import { partialStoresIn } from "./partial-stores.ts";
import { withSettledStores } from "./settled-stores.ts";

const USAGE = "use: everlock backup <dir> [--data-dir <dir> | --storage s3://<bucket>/<prefix>]";

export const backup = defineCommand({
  meta: {
    name: "backup",
    description:
      "Copy all data to another directory, also while servers run; files already there are not copied again",
  },
  args: { ...COPY_ARGS, ...STORAGE_ARGS },
  async run({ rawArgs }) {
    const { dir, dataDir, config } = directoriesOf(rawArgs, USAGE);
    await using undo = new AsyncDisposableStack();
    const source =
      config.storage.kind === "s3"
        ? bucketSource(undo.use(await openOffline(config, USAGE)), config)
        : directorySource(dataDir, config);
    if (!readMarker(dir) && !isEmpty(dir))
      throw new UsageError(`${dir} contains something other than a backup; ${USAGE}`);
    const goOn = "'everlock backup' resumes it";
    const problems = await withDirectory(
      dir,
      () => finishing(`the backup ${dir}`, goOn, () => backUp(source, dir)),
      { what: "backup" },
    );
    if (problems > 0)
      throw new CommandError(
        `${problems} blobs are damaged or missing in ${source.place}; everything else was copied to ${dir}`,
      );
  },
});

interface BackupSource {
  /** The data directory or the bucket, for messages. */
  readonly place: string;
  list(): Promise<readonly StoreName[]>;
  /** Copies all to a directory while nothing is removed. */
  copy(dir: string): Promise<SourceCopy>;
}

interface SourceCopy {
  readonly copied: DataCopy;
  /** Those whose manifests may name blobs that were never there. */
  readonly sparseStores: readonly StoreName[];
}

function bucketSource(storage: OfflineStorage, config: ServerConfig): BackupSource {
  return {
    place: storage.place,
    list: () => storage.stores.list(),
    copy: async (dir) => {
      const copied = await copyBucket(storage, dir);
      refuseFailures(copied);
      return { copied, sparseStores: await sparseStoresOf(dir, config) };
    },
  };
}

/** Throws `UsageError` and `CommandError` for a directory that holds no stores. */
function directorySource(dataDir: string, config: ServerConfig): BackupSource {
  if (!existsSync(dataDir))
    throw new UsageError(
      `there is no data directory ${dataDir}; --data-dir <dir> or --config <file> names it; ${USAGE}`,
    );
  const marked = markedStorage(dataDir);
  if (marked)
    throw new CommandError(
      `the data directory ${dataDir} belongs to a node of ${marked.storage} and holds no stores; give --storage ${marked.storage} instead`,
    );
  return {
    place: dataDir,
    list: () => localStores(dataDir, consoleLogger).list(),
    copy: (dir) =>
      withSettledStores(dataDir, async ({ unusable, sparseStores }) => {
        const copied = await copyAll(dataDir, dir, unusable);
        refuseFailures(copied);
        return { copied, sparseStores: sparseStores ?? (await sparseStoresOf(dataDir, config)) };
      }),
  };
}

/** Returns the number of damaged or missing blobs in the source. */
async function backUp(source: BackupSource, dir: string): Promise<number> {
  // From here on the backup counts as incomplete, even over a finished one, until everything is synced.
  const stores = new Set([...(readMarker(dir)?.stores ?? []), ...(await source.list())]);
  await writeMarker(dir, { finished: null, stores: [...stores].toSorted() });
  const { copied, sparseStores } = await source.copy(dir);
  const { copies } = copied;
  let problems = 0;
  const contents: Record<StoreName, BackedUpStore> = {};
  for (const [name, copy] of copies) {
    const isSparse = sparseStores.includes(name);
    const missing = await missingIn(dir, name);
    problems += isSparse ? copy.damaged.length : reportMissing(name, missing, copy);
    const inventory = encodeInventory(await inventoryOf(`${dir}/${name}`));
    await replaceFile(inventoryPath(dir, name), inventory, 0o600);
    const damaged = new Set(copy.damaged);
    const absent = isSparse ? [...missing.keys()].filter((digest) => !damaged.has(digest)) : [];
    contents[name] = { inventory: new Bun.CryptoHasher("sha256").update(inventory).digest("hex"), absent };
  }
  await syncDirectory(dir);
  await writeMarker(dir, { finished: new Date().toISOString(), stores: [...copies.keys()], contents });
  return problems;
}

async function missingIn(dir: string, name: StoreName): Promise<ReadonlyMap<Digest, string>> {
  if (!existsSync(`${dir}/${name}/blobs`)) return new Map();
  const commits = await StoredCommits.open(`${dir}/${name}`);
  try {
    return await missingBlobs(commits, await LocalBlobs.open(`${dir}/${name}/blobs`, () => undefined));
  } finally {
    await commits.close();
  }
}

/** Prints the missing blobs; returns the number of missing and damaged ones. */
function reportMissing(
  name: StoreName,
  missing: ReadonlyMap<Digest, string>,
  { damaged }: StoreCopy,
): number {
  const named = new Set(damaged);
  for (const [digest, manifest] of missing) {
    if (named.has(digest)) continue;
    named.add(digest);
    process.stderr.write(`${name}: the blob ${digest} is missing; needed by ${manifest}\n`);
  }
  return named.size;
}

/** See `partialStoresIn`. */
async function sparseStoresOf(dataDir: string, config: ServerConfig): Promise<readonly StoreName[]> {
  if (!existsSync(`${dataDir}/${SYSTEM_STORE}`)) return [];
  const commits = await StoredCommits.open(`${dataDir}/${SYSTEM_STORE}`);
  try {
    const system = commits.head && (await commits.at(commits.head));
    return partialStoresIn(await system?.read(INSTANCES_PATH), config);
  } finally {
    await commits.close();
  }
}
