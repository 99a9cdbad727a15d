import { ExpectedError } from "../../../primitives/expected-error.ts";
import { counted } from "../../../primitives/text/counted.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { ContentServices } from "./registry-access.ts";

/** How long a page of the past waits for the history to read what was pushed (ms). */
const WAIT_MS = 1000;

/** The history is still reading commits, which takes a while at the first visit. */
export class HistoryBeingReadError extends ExpectedError {
  override readonly name = "HistoryBeingReadError";

  constructor(instance: InstanceName, unread: number) {
    const left = unread > 0 ? `, with ${counted(unread, "commit")} to go` : "";
    super(`the history of '${instance}' is being read${left}; try again in a few seconds`, { kind: "busy" });
  }
}

/** Waits for the history; a page, whose waits are bounded, not longer than a second: it rejects with `HistoryBeingReadError` then. */
export async function caughtUp({ instances, waits }: ContentServices, instance: InstanceName): Promise<void> {
  const { history, store } = instances.storeOf(instance);
  if (!waits) return history.catchUp();
  const { commitId } = store.head();
  const signal = AbortSignal.timeout(WAIT_MS);
  await history.catchUp(signal);
  if (signal.aborted && commitId !== undefined && !history.has(commitId))
    throw new HistoryBeingReadError(instance, history.unread);
}
