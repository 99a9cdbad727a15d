import { SessionCounts } from "../blobs/session-counts.ts";
import { LocalUploadLocks } from "../blobs/upload-locks.ts";
import { DamagedStoreError } from "../commits/damaged-store.ts";
import type { BlobStore } from "../engine/blobs.ts";
import type { StorageEngine } from "../engine/engine.ts";
import type { DatedLink, Link, OwnedLinks } from "../engine/links.ts";
import type { StorageTarget } from "../engine/storage-target.ts";
import type { ObjectId } from "../git/object-id.ts";
import { objectGroups } from "./object-groups.ts";
import { type Persistence, persistently } from "./persistently.ts";
import { type TransferredBlobs, transferBlobs } from "./transfer-blobs.ts";
import type { TransferWatch } from "./transfer-watch.ts";

const LINKS_PAGE = 10_000;

export interface StoreTransfer {
  readonly engine: StorageEngine;
  readonly name: string;
  readonly target: StorageTarget;
  readonly watch: TransferWatch;
  /** See `Persistence`. */
  readonly pausesMs?: Persistence["pausesMs"];
}

export interface TransferredStore extends TransferredBlobs {
  /** The newest commit of the copy. */
  readonly head: ObjectId | undefined;
}

const NO_BLOBS: TransferredBlobs = { copied: 0, copiedBytes: 0, damaged: [] };

/** Copies the blobs of a store, also while it is in use. */
export async function transferContent(transfer: StoreTransfer): Promise<TransferredBlobs> {
  const { engine, name, target } = transfer;
  const hasContent = await engine.hasContent(name);
  const { blobs } = await target.store(name, hasContent);
  if (!blobs) return NO_BLOBS;
  return transferBlobs({ ...transfer, source: await blobsOf(engine, name), target: blobs });
}

/**
 * Copies a store: the commits as they are at the beginning, with the very same ids, the blobs and the links. Rejects with
 * `CorruptObjectError` or `DamagedStoreError` where that is not possible.
 */
export async function transferStore(transfer: StoreTransfer): Promise<TransferredStore> {
  const { engine, name, target, watch, pausesMs } = transfer;
  await engine.create(name);
  const { objects, branch } = await engine.openCommits(name, undefined);
  try {
    const head = await (branch.refresh() ?? branch.read());
    const content = await transferContent(transfer);
    const otherRefs = await engine.otherRefs(name);
    await persistently({ watch, progress: () => 0, ...(pausesMs && { pausesMs }) }, async () => {
      const store = await target.store(name, await engine.hasContent(name));
      await using links = await linksOf(engine, name);
      await store.putHistory({ head, otherRefs, objects: objectGroups(objects), links: links.pages() });
    });
    return { ...content, head };
  } finally {
    await branch.close();
    await objects.close();
  }
}

/** Whether the branch of a store is where it was. */
export async function isStill(
  engine: StorageEngine,
  name: string,
  head: ObjectId | undefined,
): Promise<boolean> {
  const { objects, branch } = await engine.openCommits(name, undefined);
  try {
    return (await (branch.refresh() ?? branch.read())) === head;
  } finally {
    await branch.close();
    await objects.close();
  }
}

async function blobsOf(engine: StorageEngine, name: string): Promise<BlobStore> {
  const { blobs } = await engine.openContent(name, {
    // A copy leaves out what is damaged by itself.
    onDamage: () => undefined,
    locks: new LocalUploadLocks(),
    sessions: new SessionCounts(),
    isOwner: false,
  });
  return blobs;
}

export interface LinkPages extends AsyncDisposable {
  pages(): AsyncGenerator<readonly DatedLink[]>;
}

/** The links of a store, none of one that never held blobs. Rejects with `DamagedStoreError`. */
export async function linksOf(engine: StorageEngine, name: string): Promise<LinkPages> {
  if (!(await engine.hasContent(name)))
    return { pages: async function* () {}, [Symbol.asyncDispose]: async () => undefined };
  const [problem] = await engine.checkLinks(name);
  if (problem !== undefined) throw new DamagedStoreError(name, problem);
  const links = await engine.openLinks(name, { changed: () => undefined, needed: () => [] });
  return { pages: () => pagesOf(links), [Symbol.asyncDispose]: () => links.close() };
}

async function* pagesOf(links: OwnedLinks): AsyncGenerator<readonly DatedLink[]> {
  for (let last: Link | undefined; ; ) {
    const page = await links.olderThan(Number.MAX_SAFE_INTEGER, last, LINKS_PAGE);
    if (page.length === 0) return;
    yield page;
    last = page.at(-1);
  }
}
