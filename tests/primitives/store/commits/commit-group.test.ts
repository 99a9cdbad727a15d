import { describe, expect, test } from "bun:test";
import {
  CommitGroup,
  type Draft,
  type Job,
  type Outcome,
} from "../../../../src/primitives/store/commits/commit-group.ts";
import { ObjectReader } from "../../../../src/primitives/store/commits/object-reader.ts";
import { Snapshot } from "../../../../src/primitives/store/commits/snapshot.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { parseCommit } from "../../../../src/primitives/store/git/commit.ts";
import { MemoryStore } from "../../../support/memory-store.ts";

const author = { name: "alice", email: "alice@everlock" };

function open() {
  const reader = new ObjectReader(new MemoryStore().objects);
  const base = new Snapshot(reader, undefined, undefined);
  return { group: new CommitGroup(base, reader), reader, base };
}

function jobOf(prepare: Job["prepare"]) {
  const settle = Promise.withResolvers<Outcome>();
  return { prepare, settle };
}

const draft = (name: string, content: string | null): Draft => ({
  changes: [{ path: storePath(name), content: content === null ? null : Buffer.from(content) }],
  author,
  message: name,
});
const writing = (name: string, content = name) => jobOf(() => draft(name, content));
const textAt = async (tip: Snapshot, name: string) => {
  const bytes = await tip.read(storePath(name));
  return bytes && Buffer.from(bytes).toString();
};

describe("a group of commits", () => {
  test("holds one commit a job, each on the one before", async () => {
    const { group, reader } = open();
    for (const name of ["a", "b", "c"]) await group.add(writing(name));
    expect([group.commits, group.jobs.length, group.changes.length]).toEqual([3, 3, 3]);
    const subjects: string[] = [];
    for (let id = group.tip.commitId; id; id = (await reader.commit(id)).parents[0]) {
      subjects.unshift((await reader.commit(id)).message.trim());
    }
    expect(subjects).toEqual(["a", "b", "c"]);
    expect(await textAt(group.tip, "b")).toBe("b");
  });

  test("tells each job its own commit, and only once the group is settled", async () => {
    const { group } = open();
    const jobs = [writing("a"), writing("b")];
    const told: number[] = [];
    const watching = jobs.map(({ settle }, i) => settle.promise.then(() => told.push(i)));
    for (const job of jobs) await group.add(job);
    await Bun.sleep(0);
    expect(told).toEqual([]);
    group.settle();
    await Promise.all(watching);
    const [first, second] = await Promise.all(jobs.map(({ settle }) => settle.promise));
    expect(second).toEqual({ commitId: group.tip.commitId as string, changed: true } as Outcome);
    expect(first?.commitId).not.toBe(second?.commitId as NonNullable<Outcome["commitId"]>);
  });

  test("gives a job the state that those before it in the group have made", async () => {
    const { group } = open();
    await group.add(writing("counter", "1"));
    await group.add(
      jobOf(async (parent) => draft("counter", `${Number(await textAt(parent, "counter")) + 1}`)),
    );
    expect(await textAt(group.tip, "counter")).toBe("2");
  });

  test("goes on without a job that fails, of which no trace is left", async () => {
    const { group } = open();
    await group.add(writing("a"));
    const before = [group.tip, group.objects().length, group.changes.length];
    const refused = jobOf(() => {
      throw new Error("refused");
    });
    // Fails after its first file was taken in.
    const conflicting = jobOf(() => ({
      ...draft("x", "x"),
      changes: [...draft("x", "x").changes, ...draft("a/b", "b").changes],
    }));
    await group.add(refused);
    await group.add(conflicting);
    expect([group.tip, group.objects().length, group.changes.length]).toEqual(before);
    await group.add(writing("c"));
    group.settle();
    await expect(refused.settle.promise).rejects.toThrow("refused");
    await expect(conflicting.settle.promise).rejects.toThrow();
    expect([
      await textAt(group.tip, "a"),
      await textAt(group.tip, "c"),
      await textAt(group.tip, "x"),
    ]).toEqual(["a", "c", undefined]);
  });

  test("makes no commit of a job that changes nothing, and tells it the commit that holds what it wanted", async () => {
    const { group } = open();
    const [first, same, none] = [writing("a"), writing("a"), jobOf(() => draft("nothing", null))];
    for (const job of [first, same, none]) await group.add(job);
    group.settle();
    const { commitId } = await first.settle.promise;
    expect(await same.settle.promise).toEqual({ commitId, changed: false });
    expect(await none.settle.promise).toEqual({ commitId, changed: false });
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
