import { existsSync, readFileSync, rmSync } from "node:fs";
import { type ArgsDef, defineCommand } from "citty";
import { missingBlobs } from "../backends/oci-http/store/missing-blobs.ts";
import { UsageError } from "../config/settings.ts";
import { storageName } from "../config/storage-config.ts";
import { type Digest, parseDigest } from "../primitives/digest.ts";
import { linkOfOther } from "../primitives/fs/directory-owner.ts";
import { missingOf } from "../primitives/store/engine/local/copy/store-inventory.ts";
import { StoredCommits } from "../primitives/store/engine/local/copy/stored-commits.ts";
import {
  markFinished,
  markUnfinished,
  unfinishedCopyIn,
} from "../primitives/store/engine/local/copy/unfinished-copy.ts";
import { LocalBlobs } from "../primitives/store/engine/local/local-blobs.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { type BackupMarker, inventoryPath, readMarker } from "./backup-marker.ts";
import { CommandError } from "./command-error.ts";
import {
  COPY_ARGS,
  copyAll,
  directoriesOf,
  finishing,
  isEmpty,
  readingBackup,
  refuseFailures,
  withDirectory,
} from "./data-copy.ts";

const PARTIAL = "--partial";
const USAGE = `use: everlock restore-backup <dir> [${PARTIAL}] [--data-dir <dir>]`;

const ARGS: ArgsDef = {
  ...COPY_ARGS,
  partial: { type: "boolean", description: "restore even if something is missing or damaged" },
};

export const restoreBackup = defineCommand({
  meta: {
    name: "restore-backup",
    description: "Create a data directory from a backup; every blob is verified, and none may be missing",
  },
  args: ARGS,
  async run({ rawArgs }) {
    const isPartial = rawArgs.includes(PARTIAL);
    const { dir, dataDir, config } = directoriesOf(
      rawArgs.filter((arg) => arg !== PARTIAL),
      USAGE,
    );
    const bucket = storageName(config.storage);
    if (bucket !== undefined)
      throw new UsageError(
        `a backup is restored to a data directory, not to ${bucket}: give --storage local and --data-dir <dir>; 'everlock storage copy <dir> ${bucket}' then moves it there`,
      );
    const marker = readMarker(dir);
    if (!marker) throw new UsageError(`${dir} is not a backup; ${USAGE}`);
    if (marker.finished === null && !isPartial)
      throw new CommandError(
        `${dir} is not finished; 'everlock backup' resumes it, and ${PARTIAL} restores what it contains`,
      );
    if (!isEmpty(dataDir) && unfinishedCopyIn(dataDir)?.by !== "restore-backup")
      throw new UsageError(`the data directory ${dataDir} is not empty; choose another with --data-dir`);
    const link = existsSync(dataDir) ? linkOfOther(dataDir) : undefined;
    if (link !== undefined)
      throw new UsageError(`${link} is a link, through which root would write elsewhere; remove it`);
    const restoring = () =>
      withDirectory(dataDir, () => restore(dir, dataDir, marker, isPartial), {
        allowsUnfinishedRestore: true,
      });
    await readingBackup(dir, () =>
      finishing(`the restore to ${dataDir}`, "run the same command again to resume it", restoring),
    );
  },
});

async function restore(
  dir: string,
  dataDir: string,
  marker: BackupMarker,
  isPartial: boolean,
): Promise<void> {
  await markUnfinished(dataDir, { by: "restore-backup", from: dir });
  const copied = await copyAll(dir, dataDir);
  if (!isPartial) refuseFailures(copied);
  const { copies, failures } = copied;
  let problems = 0;
  const report = (line: string) => {
    problems++;
    process.stderr.write(`${line}\n`);
  };
  for (const [name, { message }] of failures) {
    report(`the store ${name} can't be restored: ${message}`);
    // A partial store could be mistaken for an empty one.
    rmSync(`${dataDir}/${name}`, { recursive: true, force: true });
  }
  for (const name of new Set([...marker.stores, ...copies.keys()])) {
    if (failures.has(name)) continue;
    const damaged = new Set(copies.get(name)?.damaged);
    problems += damaged.size;
    if (!copies.has(name)) report(`the store ${name} is missing`);
    else await checkStore(dir, dataDir, name, { marker, damaged, report });
  }
  if (problems > 0 && !isPartial) {
    throw new CommandError(
      `${problems} ${problems === 1 ? "part is" : "parts are"} damaged or missing; ${PARTIAL} restores without them`,
    );
  }
  await markFinished(dataDir);
}

interface CheckOptions {
  readonly marker: BackupMarker;
  /** Blobs already reported as damaged. */
  readonly damaged: ReadonlySet<Digest>;
  readonly report: (line: string) => void;
}

/** Reports files that the backup has lost since it was finished, and blobs missing in the store's newest state. */
async function checkStore(
  dir: string,
  dataDir: string,
  name: StoreName,
  { marker: { contents }, damaged, report }: CheckOptions,
): Promise<void> {
  const restored = `${dataDir}/${name}`;
  const seen = new Set<Digest>(damaged);
  const content = contents?.[name];
  if (content) {
    const path = inventoryPath(dir, name);
    const inventory = existsSync(path) ? readFileSync(path) : new Uint8Array();
    const hash = new Bun.CryptoHasher("sha256").update(inventory).digest("hex");
    if (hash !== content.inventory) report(`${name}: the inventory ${path} is missing or damaged`);
    for (const lost of missingOf(inventory, `${dir}/${name}`)) {
      const digest = digestAt(lost);
      if (digest) seen.add(digest);
      report(digest ? `${name}: the blob ${digest} is missing` : `${name}: ${lost} is missing`);
    }
  }
  if (!existsSync(`${restored}/blobs`)) return;
  for (const digest of content?.absent ?? []) seen.add(digest);
  const commits = await StoredCommits.open(restored);
  try {
    const blobs = await LocalBlobs.open(`${restored}/blobs`, () => undefined);
    for (const [digest, manifest] of await missingBlobs(commits, blobs)) {
      if (!seen.has(digest)) report(`${name}: the blob ${digest} is missing; needed by ${manifest}`);
    }
  } finally {
    await commits.close();
  }
}

/** The digest of the blob at a path below a store. */
function digestAt(path: string): Digest | undefined {
  const [, algorithm, hex] = path.match(/^blobs\/(\w+)\/[0-9a-f]{2}\/([0-9a-f]+)$/) ?? [];
  return parseDigest(`${algorithm}:${hex}`);
}
