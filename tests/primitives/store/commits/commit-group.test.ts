import { describe, expect, test } from "bun:test";
import { nextTurn } from "../../../../src/primitives/jobs/next-turn.ts";
import {
  CommitGroup,
  type Draft,
  type Outcome,
  type PendingCommit,
} from "../../../../src/primitives/store/commits/commit-group.ts";
import { ObjectReader } from "../../../../src/primitives/store/commits/object-reader.ts";
import { Snapshot } from "../../../../src/primitives/store/commits/snapshot.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { parseCommit } from "../../../../src/primitives/store/git/commit.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";

const author = { name: "alice", email: "alice@everlock" };

function open() {
  const reader = new ObjectReader(new MemoryStore().objects);
  const base = new Snapshot(reader, undefined, undefined);
  return { group: new CommitGroup(base, reader), reader, base };
}

function pendingOf(prepare: PendingCommit["prepare"]) {
  const outcome = Promise.withResolvers<Outcome>();
  return { prepare, outcome };
}

const draft = (name: string, content: string | null): Draft => ({
  changes: [{ path: storePath(name), content: content === null ? null : Buffer.from(content) }],
  author,
  message: name,
});
const writing = (name: string, content = name) => pendingOf(() => draft(name, content));
const textAt = async (tip: Snapshot, name: string) => {
  const bytes = await tip.read(storePath(name));
  return bytes && Buffer.from(bytes).toString();
};

describe("a group of commits", () => {
  test("holds one commit for each caller, each on top of the one before", async () => {
    const { group, reader } = open();
    for (const name of ["a", "b", "c"]) await group.add(writing(name));
    expect([group.commits, group.pending.length, group.changes.length]).toEqual([3, 3, 3]);
    const subjects: string[] = [];
    for (let id = group.tip.commitId; id; id = (await reader.commit(id)).parents[0]) {
      subjects.unshift((await reader.commit(id)).message.trim());
    }
    expect(subjects).toEqual(["a", "b", "c"]);
    expect(await textAt(group.tip, "b")).toBe("b");
  });

  test("resolves each caller with its own commit, once the group is resolved", async () => {
    const { group } = open();
    const jobs = [writing("a"), writing("b")];
    const told: number[] = [];
    const watching = jobs.map(({ outcome }, i) => outcome.promise.then(() => told.push(i)));
    for (const job of jobs) await group.add(job);
    await nextTurn();
    expect(told).toEqual([]);
    group.resolvePending();
    await Promise.all(watching);
    const [first, second] = await Promise.all(jobs.map(({ outcome }) => outcome.promise));
    expect(second).toEqual({ commitId: group.tip.commitId as string, changed: true } as Outcome);
    expect(first?.commitId).not.toBe(second?.commitId as NonNullable<Outcome["commitId"]>);
  });

  test("gives a commit the state that those before it in the group have made", async () => {
    const { group } = open();
    await group.add(writing("counter", "1"));
    await group.add(
      pendingOf(async (parent) => draft("counter", `${Number(await textAt(parent, "counter")) + 1}`)),
    );
    expect(await textAt(group.tip, "counter")).toBe("2");
  });

  test("continues without a commit that fails, and keeps nothing of it", async () => {
    const { group } = open();
    await group.add(writing("a"));
    const before = [group.tip, group.objects().length, group.changes.length];
    const refused = pendingOf(() => {
      throw new Error("refused");
    });
    // Fails after its first file was taken in.
    const conflicting = pendingOf(() => ({
      ...draft("x", "x"),
      changes: [...draft("x", "x").changes, ...draft("a/b", "b").changes],
    }));
    await group.add(refused);
    await group.add(conflicting);
    expect([group.tip, group.objects().length, group.changes.length]).toEqual(before);
    await group.add(writing("c"));
    group.resolvePending();
    await expect(refused.outcome.promise).rejects.toThrow("refused");
    await expect(conflicting.outcome.promise).rejects.toThrow();
    expect([
      await textAt(group.tip, "a"),
      await textAt(group.tip, "c"),
      await textAt(group.tip, "x"),
    ]).toEqual(["a", "c", undefined]);
  });

  test("makes no commit if nothing changes, and resolves with the commit that has the content", async () => {
    const { group } = open();
    const [first, same, none] = [writing("a"), writing("a"), pendingOf(() => draft("nothing", null))];
    for (const job of [first, same, none]) await group.add(job);
    group.resolvePending();
    const { commitId } = await first.outcome.promise;
    expect(await same.outcome.promise).toEqual({ commitId, changed: false });
    expect(await none.outcome.promise).toEqual({ commitId, changed: false });
    expect(group.commits).toBe(1);
  });

  test("keeps its objects readable until they are stored, each once", async () => {
    const { group, reader, base } = open();
    await group.add(writing("a", "same"));
    await group.add(writing("b", "same"));
    const ids = group.objects().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    // One blob, two trees, two commits.
    expect(ids).toHaveLength(5);
    const tip = group.tip.commitId as (typeof ids)[number];
    expect((await reader.commit(tip)).parents).toHaveLength(1);
    group.discard();
    await expect(reader.commit(tip)).rejects.toThrow("is missing");
    expect(base.commitId).toBeUndefined();
  });

  test("names author and committer in each commit", async () => {
    const { group } = open();
    await group.add(writing("a"));
    const commit = group.objects().find(({ type }) => type === "commit");
    expect(parseCommit(commit?.body ?? new Uint8Array())).toMatchObject({
      author,
      committer: { name: "Everlock System" },
      parents: [],
    });
  });
});
