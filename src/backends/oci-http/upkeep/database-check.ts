import type { Database } from "bun:sqlite";
import { inspectDatabase } from "../../../primitives/sqlite/inspect-database.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import { historyIn } from "../history/history-database.ts";
import { HistoryIndex } from "../history/history-index.ts";
import { OCI_INDEX } from "../index/oci-index.ts";
import { SUMMARY_DATABASE } from "../summaries/summary-database.ts";

/**
 * Returns the problems of the databases derived from a store's commits, one per line. Each is compared with the commit that
 * it was built up to, so one that is behind, or missing, is sound. Changes nothing.
 */
export async function checkDatabases(dir: string, store: Store): Promise<string[]> {
  const derived = {
    "index.sqlite": await DerivedIndex.inspect(`${dir}/index.sqlite`, OCI_INDEX, (db, head) =>
      compareIndex(db, head, store),
    ),
    "history.sqlite": await HistoryIndex.inspect(`${dir}/history.sqlite`, (db) => compareHistory(db, store)),
    "summaries.sqlite": await inspectDatabase(`${dir}/summaries.sqlite`, SUMMARY_DATABASE),
  };
  return Object.entries(derived).flatMap(([file, verdict]) =>
    typeof verdict === "string"
      ? []
      : `${file} is damaged (${verdict.damage}); it is derived: the next start of the server, or removing it, rebuilds it`,
  );
}

async function compareIndex(
  db: Database,
  head: ObjectId | undefined,
  store: Store,
): Promise<string | undefined> {
  if (head === undefined) return undefined;
  if (!(await store.has(head))) return "it was built from a commit that the repository lacks";
  const fresh = DerivedIndex.open(":memory:", OCI_INDEX, new ScopeClock());
  try {
    await store.project(fresh, head);
    const scopes = new Set([...OCI_INDEX.scopes(db), ...fresh.scopes()]);
    const wrong = [...scopes].find((scope) => OCI_INDEX.dump(db, scope) !== fresh.dump(scope));
    return wrong === undefined ? undefined : `it differs from the commits in '${wrong}'`;
  } finally {
    fresh.close();
  }
}

async function compareHistory(db: Database, store: Store): Promise<string | undefined> {
  const { head, content } = historyIn(db);
  if (head === undefined) return undefined;
  if (!(await store.has(head))) return "it was built from a commit that the repository lacks";
  const past = await store.at(head);
  const fresh = new HistoryIndex(":memory:", {
    head: () => past,
    commitAt: (id) => store.commitAt(id),
    walk: () => store.walk(),
  });
  try {
    await fresh.catchUp();
    return fresh.content === content ? undefined : "it differs from the commits";
  } finally {
    await fresh.close();
  }
}
