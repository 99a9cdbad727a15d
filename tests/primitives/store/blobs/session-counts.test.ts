import { expect, test } from "bun:test";
import { SessionCounts } from "../../../../src/primitives/store/blobs/session-counts.ts";
import { isFetch, parseUploadId } from "../../../../src/primitives/store/engine/upload-id.ts";

const LIMITS = { user: 2, network: 3, all: 5 };

function begun(counts: SessionCounts, user: string | undefined, network: string) {
  const id = counts.begin({ user, network });
  return typeof id === "string" ? (parseUploadId(id) ?? "malformed") : id;
}

test("upload sessions are limited for each user, for each network and in total, and a refused one does not count", () => {
  const counts = new SessionCounts(undefined, LIMITS);
  const ids = [begun(counts, "alice", "a"), begun(counts, "alice", "b")];
  expect(begun(counts, "alice", "c")).toEqual({ of: "user", limit: 2 });
  begun(counts, undefined, "a");
  begun(counts, undefined, "a");
  expect(begun(counts, "bob", "a")).toEqual({ of: "network", limit: 3 });
  begun(counts, undefined, "d");
  expect(begun(counts, "bob", "e")).toEqual({ of: "all", limit: 5 });
  expect(counts.open).toBe(5);
  const [first] = ids;
  if (typeof first !== "string") throw new Error("there is no session");
  counts.end(first as Parameters<typeof counts.end>[0]);
  expect(typeof begun(counts, "bob", "e")).toBe("string");
  expect(typeof begun(counts, "alice", "f")).toBe("object");
});

test("anonymous clients use up only the upload sessions of their network", () => {
  const counts = new SessionCounts(undefined, { user: 1, network: 1, all: 100 });
  for (const network of ["a", "b", "c"]) expect(typeof begun(counts, undefined, network)).toBe("string");
});

test("upload sessions of all threads count together, and those of an earlier run do not count", () => {
  const counts = new SessionCounts(undefined, LIMITS);
  const other = new SessionCounts(counts.memory, LIMITS);
  const id = counts.begin({ user: "alice", network: "a" });
  if (typeof id !== "string") throw new Error("there is no session");
  expect(other.isOf({ user: "alice", network: "x" }, id)).toBe(true);
  expect(other.isOf({ user: "bob", network: "x" }, id)).toBe(false);
  other.end(id);
  expect(counts.open).toBe(0);
  const later = new SessionCounts(undefined, LIMITS);
  later.end(id);
  expect(later.open).toBe(0);
});

test("upload sessions that another node has ended count no more after a recount, and one that begins meanwhile does", () => {
  const counts = new SessionCounts(undefined, { user: 3, network: 100, all: 100 });
  const begin = () => counts.begin({ user: "alice", network: "a" });
  const open = [begin(), begin()].flatMap((id) => (typeof id === "string" ? [id] : []));
  const recounted = counts.recount();
  expect(typeof begin()).toBe("string");
  expect(begin()).toEqual({ of: "user", limit: 3 });
  expect(recounted(open.slice(1))).toBe(true);
  expect([typeof begin(), begin()]).toEqual(["string", { of: "user", limit: 3 }]);
  for (const id of [...open, ...open, ...open]) counts.end(id);
  expect(counts.open).toBe(0);
});

test("fetches of the server itself count for no user and no network", () => {
  const counts = new SessionCounts(undefined, { user: 1, network: 1, all: 3 });
  begun(counts, "alice", "a");
  const fetches = [counts.begin("fetch"), counts.begin("fetch")];
  expect(fetches.map((id) => typeof id === "string" && isFetch(id))).toEqual([true, true]);
  expect(counts.begin("fetch")).toEqual({ of: "all", limit: 3 });
});

test("no client's session looks like that of a fetch", () => {
  const counts = new SessionCounts();
  for (const user of [undefined, "alice", "bob"]) {
    const id = counts.begin({ user, network: "a" });
    expect(typeof id === "string" && isFetch(id)).toBe(false);
  }
});
