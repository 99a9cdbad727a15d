import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { WebContext } from "../requests/web-context.ts";

/** Where a change leads: to what its commit did; if it made none, to the repository or the list of them. */
export function doneAddress(
  { links }: WebContext,
  commit: ObjectId | undefined,
  repository: string | undefined,
): string {
  if (commit) return links.now(`/commits/${commit}/done`);
  return links.now(repository === undefined ? "/" : `/repositories/${repository}`);
}
