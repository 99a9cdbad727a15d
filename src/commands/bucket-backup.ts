import { jobLease } from "../backends/oci-http/upkeep/leased-jobs.ts";
import { replaceFile, syncDirectory } from "../primitives/fs/durable.ts";
import { LocalBlobTarget } from "../primitives/store/engine/local/copy/local-store-target.ts";
import type { StoreCopy } from "../primitives/store/engine/local/copy/store-copy.ts";
import { writeLinks } from "../primitives/store/engine/local/links-database.ts";
import { S3Engine } from "../primitives/store/engine/s3/s3-engine.ts";
import { LINKS } from "../primitives/store/engine/sqlite-links/links-schema.ts";
import { exportRepository } from "../primitives/store/export-repository.ts";
import type { StoreManager, StoreName } from "../primitives/store/store-manager.ts";
import { transferBlobs } from "../primitives/store/transfer/transfer-blobs.ts";
import { linksOf } from "../primitives/store/transfer/transfer-store.ts";
import { CommandError } from "./command-error.ts";
import { CopyProgress } from "./copy-progress.ts";
import { copySecrets } from "./copy-secrets.ts";
import { type DataCopy, isDamage, reportCopy } from "./data-copy.ts";
import type { OfflineStorage } from "./offline-storage.ts";
import { storedBlobs } from "./stored-blobs.ts";

/** Between looks whether a node has ended its collection, in milliseconds. */
const LOOK_EVERY_MS = 5000;

/** Like `copyAll` of a bucket, which nodes may be using; the copy is that of a data directory. */
export function copyBucket({ engine, stores }: OfflineStorage, dir: string): Promise<DataCopy> {
  if (!(engine instanceof S3Engine)) throw new Error("the storage is no bucket");
  return withoutCollection(stores, async () => {
    const copies = new Map<StoreName, StoreCopy>();
    const failures = new Map<StoreName, Error>();
    for (const name of (await stores.list()).toSorted()) {
      try {
        const copy = await copyOne(engine, stores, name, dir);
        reportCopy(name, copy);
        copies.set(name, copy);
      } catch (error) {
        if (!isDamage(error)) throw error;
        failures.set(name, error);
      }
    }
    await copySecrets(engine, (name, bytes) => replaceFile(`${dir}/${name}`, bytes, 0o600));
    return { copies, failures };
  });
}

/** The commits come first: the blobs that they need are there until the end, because nothing is collected. */
async function copyOne(
  engine: S3Engine,
  stores: StoreManager,
  name: StoreName,
  dir: string,
): Promise<StoreCopy> {
  const copy = `${dir}/${name}`;
  const { bytes: repositoryBytes } = await exportRepository({ engine, store: name }, copy);
  const source = await storedBlobs(stores, name);
  if (!source) return { repositoryBytes, blobs: 0, copiedBlobs: 0, copiedBytes: 0, damaged: [] };
  const target = await LocalBlobTarget.open(`${copy}/blobs`);
  const [total, present] = [await engine.contentBytes(name), await target.bytes()];
  const watch = new CopyProgress({ total, present, output: process.stderr });
  try {
    const { copied, copiedBytes, damaged } = await transferBlobs({ source, target, watch });
    await using links = await linksOf(engine, name);
    await writeLinks(`${copy}/${LINKS}`, links.pages());
    await syncDirectory(copy);
    let blobs = 0;
    for await (const page of target.list()) blobs += page.length;
    return { repositoryBytes, blobs, copiedBlobs: copied, copiedBytes, damaged };
  } finally {
    watch.clear();
  }
}

/** Runs `work` while no node collects: this process has the lease of those who do. */
async function withoutCollection<T>(stores: StoreManager, work: () => Promise<T>): Promise<T> {
  const { location } = stores;
  const holder = `${location.kind === "s3" ? location.node : "this machine"} (a backup)`;
  const leases = await stores.openLeases();
  for (let isTold = false; ; isTold = true) {
    const outcome = await leases.acquire(jobLease("gc"), holder);
    if (outcome.kind === "acquired") {
      const { lease } = outcome;
      try {
        const result = await work();
        if (lease.isHeld()) return result;
        throw new CommandError("the object store was away for so long that nodes may have removed blobs");
      } finally {
        await lease.release();
      }
    }
    if (!isTold)
      process.stderr.write(
        `waiting for the end of a collection or backup: ${outcome.by ?? "another node"}\n`,
      );
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
