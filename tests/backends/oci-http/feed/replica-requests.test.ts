import { expect, test } from "bun:test";
import type { FeedAnswer, HistoryFeed } from "../../../../src/backends/oci-http/feed/history-feed.ts";
import {
  handleReplicaRequest,
  type ReplicaRequest,
} from "../../../../src/backends/oci-http/feed/replica-requests.ts";
import {
  HEAD_HEADER,
  HISTORY,
  REPLICA_PREFIX,
} from "../../../../src/backends/oci-http/feed/replica-route.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";

const HEAD = "a".repeat(64) as ObjectId;
const CURRENT: FeedAnswer = { kind: "current", head: HEAD };

/** Asks for the history; the feed gives these answers one after the other. */
async function asked(answers: readonly FeedAnswer[], wait: number, signal?: AbortSignal) {
  const waits: number[] = [];
  const left = [...answers];
  const feed: HistoryFeed = {
    page: async ({ waitMs }) => {
      waits.push(waitMs);
      return left.shift() ?? { kind: "busy" };
    },
  };
  const request = new Request("http://localhost/", signal && { signal });
  const response = await handleReplicaRequest({
    ...{ request, path: `${REPLICA_PREFIX}${HISTORY}`, query: new URLSearchParams({ wait: String(wait) }) },
    ...{ config: { name: "default" }, view: { feed }, verdict: "allowed", challenge: "Basic", trace: {} },
  } as unknown as ReplicaRequest);
  return { waits, status: response.status, head: response.headers.get(HEAD_HEADER) };
}

test("a replica waits for as long as it wants, up to a bound, in turns", async () => {
  expect(await asked([CURRENT, CURRENT, CURRENT], 5)).toEqual({
    ...{ waits: [2000, 2000, 1000], status: 204, head: HEAD },
  });
  const { waits } = await asked(
    Array.from({ length: 100 }, () => CURRENT),
    1_000_000,
  );
  expect(waits.reduce((sum, ms) => sum + ms)).toBe(25_000);
  expect((await asked([CURRENT], 0)).waits).toEqual([0]);
});

test("a replica that has gone gives up its place with the turn that it is in", async () => {
  expect((await asked([CURRENT, CURRENT], 20, AbortSignal.abort())).waits).toEqual([2000]);
});

test("a replica that finds no place is sent away, and one that loses it has no news", async () => {
  expect((await asked([{ kind: "busy" }], 20)).status).toBe(429);
  expect(await asked([CURRENT, { kind: "busy" }], 20)).toMatchObject({ status: 204, head: HEAD });
});
