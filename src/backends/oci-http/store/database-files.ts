import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import type { Logger } from "../../../primitives/logging/logger.ts";
import type { Release } from "../../../primitives/release.ts";
import { assertReadable, damageIn } from "../../../primitives/sqlite/database-damage.ts";
import { removeDatabase } from "../../../primitives/sqlite/database-file.ts";
import { DERIVED_CHECKPOINT_PAGES } from "../../../primitives/sqlite/open-database.ts";
import { keepFileStill } from "../../../primitives/sqlite/still-file.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { DerivedCopies } from "../../../primitives/store/engine/derived-copies.ts";
import type { SharedNotes } from "../../../primitives/store/engine/shared-notes.ts";
import { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { ReplaceableIndex } from "../../../primitives/store/index/replaceable-index.ts";
import type { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import { HISTORY_COPY } from "../history/history-database.ts";
import { HistoryIndex } from "../history/history-index.ts";
import { OCI_INDEX } from "../index/oci-index.ts";

/** Indexes that replaced damaged ones; a killed server leaves them behind. */
const REPLACEMENT = /^index(-at-[0-9a-f]+)?\.rebuilt-\d+\.sqlite/;
export const INDEX = "index.sqlite";
const INDEX_COPY = `index-${OCI_INDEX.version}`;

/** The directory of a store's indexes, and the log for their problems. */
export interface DatabaseContext {
  readonly dir: string;
  readonly store: StoreName;
  readonly clock: ScopeClock;
  readonly log: Logger;
  /** What the nodes of the store note of pulls; `undefined` where there is only one. */
  readonly notes?: SharedNotes | undefined;
}

/** Opens the index at `path`; a damaged one is emptied, and the caller projects the commits into it. */
export function openIndex(path: string, context: DatabaseContext): DerivedIndex {
  return DerivedIndex.open(path, OCI_INDEX, context.clock, (reason) =>
    context.log.warn(rebuildLine(path, context, reason)),
  );
}

/** Where the index is missing, begins with a copy of it, if the engine has one: the commits since then are few. */
export async function fetchIndex(
  { store, log }: DatabaseContext,
  path: string,
  copies: DerivedCopies | undefined,
): Promise<void> {
  if (copies === undefined || existsSync(path)) return;
  if (await copies.fetch({ store, database: INDEX_COPY }, path))
    log.info(`the index of the store '${store}' begins with the copy in the object store`);
}

/** Lets the engine copy the index now and then, while commits go on. */
export function offerIndex(
  store: StoreName,
  current: () => DerivedIndex,
  copies: DerivedCopies | undefined,
): Release {
  if (copies === undefined) return () => undefined;
  return copies.offer({ store, database: INDEX_COPY }, async () => {
    const { db, path } = current();
    return { path, release: await keepFileStill(db, DERIVED_CHECKPOINT_PAGES) };
  });
}

/** The history of a store, which begins with a copy where the engine has one. */
export function historyOf(
  { dir, store, log }: DatabaseContext,
  commits: Store,
  copies: DerivedCopies | undefined,
): HistoryIndex {
  const of = { store, database: HISTORY_COPY };
  return new HistoryIndex(
    `${dir}/history.sqlite`,
    commits,
    (reason) =>
      log.warn(
        `history.sqlite of the store '${store}' is damaged (${reason}); it is rebuilt from the commits`,
      ),
    copies && { fetch: (path) => copies.fetch(of, path), offer: (source) => copies.offer(of, source) },
  );
}

/** Opens a store with its index. An index whose damage shows only during catch-up is rebuilt from all commits. */
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

/** The path of the index that replaces the damaged one at `path`; other threads may still have that open. */
export function replacementFor(path: string, number: number): string {
  return path.replace(/(\.rebuilt-\d+)?\.sqlite$/, `.rebuilt-${number}.sqlite`);
}
