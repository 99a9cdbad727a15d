import type { ContentChange } from "../../oci-http/operations/diff.ts";
import { mayUndo } from "../../oci-http/operations/undo.ts";
import type { WebContext } from "../requests/web-context.ts";

export type { ContentChange } from "../../oci-http/operations/diff.ts";

/** Whether the undo of a commit with these changes is worth offering. */
export function mayUndoCommit({ actor, config }: WebContext, changes: readonly ContentChange[]): boolean {
  return mayUndo(actor, config, changes);
}
