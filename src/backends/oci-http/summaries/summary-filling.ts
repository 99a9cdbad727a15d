import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type HistoryRows, lastPush, lastSets } from "../history/tag-sets.ts";
import { manifestsAfter, tagsAfter } from "../index/index-pages.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import type { SummaryUpdate } from "./summary-update.ts";

/** Rows read at once. */
const MANIFESTS_AT_ONCE = 20;
const TAGS_AT_ONCE = 50;

/** Fills empty tables from a state of the index, which `index` holds still, and from the history, which knows the state. */
export async function fillSummaries(
  update: SummaryUpdate,
  index: Database,
  history: HistoryRows,
): Promise<void> {
  for (const repository of new OciIndexReader(index).repositoriesAfter("", MANIFESTS_AT_ONCE)) {
    await addManifests(update, index, repository);
    await addTags(update, index, history, repository);
    const pushed = lastPush(history, repository);
    await update.step((writer) => pushed && writer.setPushed(repository, pushed));
  }
}

async function addManifests(
  update: SummaryUpdate,
  index: Database,
  repository: RepositoryName,
): Promise<void> {
  for (let last: Digest | undefined; ; ) {
    const manifests = manifestsAfter(index, repository, last, MANIFESTS_AT_ONCE);
    for (const { digest, content } of manifests) await update.addManifest(repository, digest, content);
    last = manifests.at(-1)?.digest;
    if (manifests.length < MANIFESTS_AT_ONCE) return;
  }
}

async function addTags(
  update: SummaryUpdate,
  index: Database,
  history: HistoryRows,
  repository: RepositoryName,
): Promise<void> {
  for (let last = ""; ; ) {
    const tags = tagsAfter(index, repository, last, TAGS_AT_ONCE);
    const names = tags.map(({ tag }) => tag);
    const sets = lastSets(history, repository, names);
    await update.step((writer) => {
      for (const { tag, digest } of tags) writer.setTag(repository, tag, digest, sets.get(tag));
    });
    last = names.at(-1) ?? last;
    if (tags.length < TAGS_AT_ONCE) return;
  }
}
