import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { StoreView } from "./store-view.ts";

/** Whether a repository holds content or has a history. One without tags is listed empty; any other is unknown. */
export async function isKnown(
  { index, links }: Pick<StoreView, "index" | "links">,
  repository: RepositoryName,
): Promise<boolean> {
  return index.knows(repository) || links.hasAny(repository);
}
