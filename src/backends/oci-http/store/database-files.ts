import { copyFileSync, existsSync, readdirSync, renameSync } from "node:fs";
import { basename } from "node:path";
import { syncDirectory } from "../../../primitives/fs/durable.ts";
import type { Logger } from "../../../primitives/logging/logger.ts";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../primitives/sqlite/database-file.ts";
import { BlobLinks } from "../../../primitives/store/blobs/blob-links.ts";
import {
  createLinks,
  LINKS,
  type Link,
  REBUILT_LINKS,
  salvageLinks,
} from "../../../primitives/store/blobs/links-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import type { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import { OCI_INDEX } from "../index/oci-index.ts";
import type { OciIndexReader } from "../index/oci-index-reader.ts";

/** Indexes that replaced damaged ones; a server that was killed leaves them behind. */
const REPLACEMENT = /^index(-at-[0-9a-f]+)?\.rebuilt-\d+\.sqlite/;
export const INDEX = "index.sqlite";
const DAMAGED_LINKS = "links.damaged.sqlite";

/** Of one store: where its databases lie and whom to tell what is wrong with them. */
export interface DatabaseContext {
  readonly dir: string;
  readonly store: StoreName;
  readonly clock: ScopeClock;
  readonly log: Logger;
}

/** Opens the index at `path`; a damaged one is rebuilt by whoever tells it the commits. */
export function openIndex(path: string, context: DatabaseContext): DerivedIndex {
  return DerivedIndex.open(path, OCI_INDEX, context.clock, (reason) =>
    context.log.warn(rebuildLine(path, context, reason)),
  );
}

/** Opens a store with its index; one whose damage shows only when it is told what it missed is told all. */
export async function openIndexed(
  context: DatabaseContext,
  path: string,
  open: (projection: ReplaceableIndex) => Promise<Store>,
): Promise<{ readonly store: Store; readonly derived: ReplaceableIndex }> {
  for (let isSecond = false; ; isSecond = true) {
    const derived = new ReplaceableIndex(openIndex(path, context));
    try {
      return { store: await open(derived), derived };
    } catch (error) {
      derived.close();
      const reason = damageIn(error);
      if (reason === undefined || isSecond) throw error;
      assertReadable(path);
      context.log.warn(rebuildLine(path, context, reason));
      removeDatabase(path);
    }
  }
}

function rebuildLine(path: string, { store }: DatabaseContext, reason: string): string {
  return `${basename(path)} of the store '${store}' is damaged (${reason}); it is rebuilt from the commits`;
}

export function removeReplacements(dir: string): void {
  for (const name of readdirSync(dir)) {
    const [path] = name.match(REPLACEMENT) ?? [];
    if (path !== undefined) removeDatabase(`${dir}/${path}`);
  }
}

/** A path for an index that takes the place of the damaged one at `path`, which others may still have open. */
export function replacementFor(path: string, number: number): string {
  return path.replace(/(\.rebuilt-\d+)?\.sqlite$/, `.rebuilt-${number}.sqlite`);
}

/**
 * Opens the links. Of a damaged file a new one is made, and it is set aside; see `rebuildLinks`.
 */
export async function openStoreLinks(context: DatabaseContext, index: OciIndexReader): Promise<BlobLinks> {
  const { dir, clock } = context;
  const path = `${dir}/${LINKS}`;
  // Of a server that was killed before it could put it in its place.
  if (existsSync(`${dir}/${REBUILT_LINKS}`)) renameDatabase(`${dir}/${REBUILT_LINKS}`, path);
  try {
    return new BlobLinks(path, clock);
  } catch (error) {
    const reason = damageIn(error);
    if (reason === undefined) throw error;
    assertReadable(path);
    renameDatabase(rebuildLinks(context, path, index, reason), path);
    await syncDirectory(dir);
    return new BlobLinks(path, clock);
  }
}

/**
 * Makes a new file of links beside the damaged one at `path`, of what can still be read of that and of what the manifests
 * name, and keeps a copy of the damaged one. Answers where the new one is.
 */
export function rebuildLinks(
  { dir, store, log }: DatabaseContext,
  path: string,
  index: OciIndexReader,
  reason: string,
): string {
  const [unfinished, rebuilt, aside] = [
    `${dir}/links.new.sqlite`,
    `${dir}/${REBUILT_LINKS}`,
    `${dir}/${DAMAGED_LINKS}`,
  ];
  removeDatabase(unfinished);
  const salvaged = salvageLinks(path);
  createLinks(unfinished, [...salvaged, ...linksByManifests(index)]);
  copyFileSync(path, aside);
  renameSync(unfinished, rebuilt);
  log.warn(
    `${basename(path)} of the store '${store}' is damaged (${reason}); ${DAMAGED_LINKS} is a copy of it, and a new one has the ` +
      `${salvaged.length} links that could be read and those of all manifests: only blobs that were pushed without a manifest ` +
      "may have to be pushed again",
  );
  return rebuilt;
}

function linksByManifests(index: OciIndexReader): Link[] {
  const linkedAt = Math.floor(Date.now() / 1000);
  const links: Link[] = [];
  try {
    for (const { repository, blob } of index.namedBlobs())
      links.push({ scope: repository, digest: blob, linkedAt });
  } catch (error) {
    if (damageIn(error) === undefined) throw error;
  }
  return links;
}
