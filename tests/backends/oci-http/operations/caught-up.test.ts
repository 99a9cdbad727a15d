import { expect, test } from "bun:test";
import { caughtUp, HistoryBeingReadError } from "../../../../src/backends/oci-http/operations/caught-up.ts";
import {
  type ContentServices,
  requestWaits,
} from "../../../../src/backends/oci-http/operations/registry-access.ts";
import { DEFAULT } from "../../../support/registry-services.ts";

/** A registry whose history never ends to read. */
function reading() {
  const signals: (AbortSignal | undefined)[] = [];
  const history = {
    unread: 84_000,
    has: () => false,
    catchUp(signal?: AbortSignal) {
      signals.push(signal);
      return new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
    },
  };
  const store = { head: () => ({ commitId: "a".repeat(64) }) };
  const instances = { list: () => [], storeOf: () => ({ history, store }) } as unknown;
  return { signals, history, instances: instances as ContentServices["instances"] };
}

test("a page of the past is not kept waiting while the history reads many commits, and says how many there are", async () => {
  const { instances } = reading();
  const waited = await caughtUp({ instances, waits: requestWaits() }, DEFAULT).catch(
    (error: unknown) => error,
  );
  expect(waited).toBeInstanceOf(HistoryBeingReadError);
  expect(String(waited)).toContain(
    "the history of 'default' is being read, with 84000 commits to go; try again in a few seconds",
  );
});

test("a page of the past is shown if the history has the newest commit by the end of the wait", async () => {
  const { instances, history } = reading();
  history.has = () => true;
  await caughtUp({ instances, waits: requestWaits() }, DEFAULT);
});

test("the console waits for the history without a limit", () => {
  const { instances, signals } = reading();
  void caughtUp({ instances }, DEFAULT);
  expect(signals).toEqual([undefined]);
});
