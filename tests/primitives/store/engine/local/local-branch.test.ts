import { expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync } from "node:fs";
import type { BranchMove } from "../../../../../src/primitives/store/engine/branch.ts";
import { LocalBranch } from "../../../../../src/primitives/store/engine/local/local-branch.ts";
import { LocalObjects } from "../../../../../src/primitives/store/engine/local/local-objects.ts";
import { LocalRefs } from "../../../../../src/primitives/store/engine/local/local-refs.ts";
import { ensureRepository } from "../../../../../src/primitives/store/engine/local/repository.ts";
import { nameObject } from "../../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../../src/primitives/store/git/object-id.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { eventually } from "../../../../support/eventually.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

async function open(makeRefs = (dir: string) => new LocalRefs(dir)) {
  const dir = temporaryDirectory();
  await ensureRepository(dir);
  const failures: unknown[] = [];
  const objects = new LocalObjects(`${dir}/objects`);
  const branch = await LocalBranch.open({
    dir,
    objects,
    refs: makeRefs(dir),
    report: () => undefined,
    flushFailed: (error) => failures.push(error),
  });
  afterThisTest(async () => {
    await branch.close();
    await objects.close();
  });
  let newest: ObjectId | undefined;
  let count = 0;
  /** Publishes another commit, and answers its id. */
  const publish = async (isFollowed: boolean) => {
    const commit = nameObject("commit", Buffer.from(`commit ${++count}`));
    const move: BranchMove = {
      objects: [commit],
      expected: newest,
      next: commit.id,
      isFollowed,
      stored: () => undefined,
    };
    expect(await branch.publish(move)).toBe(true);
    newest = commit.id;
    return commit.id;
  };
  /** Where stock git sees the branch. */
  const seen = () => {
    const path = `${dir}/refs/heads/main`;
    return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
  };
  const isLocked = () => existsSync(`${dir}/refs/heads/main.lock`);
  return { dir, branch, publish, seen, isLocked, failures };
}

test("a move that none follows is seen by stock git when it is published", async () => {
  const { publish, seen, isLocked } = await open();
  for (let i = 0; i < 3; i++) {
    const id = await publish(false);
    expect([seen(), isLocked()]).toEqual([id, false]);
  }
});

test("moves that follow each other are seen by stock git together, after a moment without another", async () => {
  const { publish, seen, isLocked } = await open();
  const first = await publish(false);
  let last = first;
  for (let i = 0; i < 5; i++) last = await publish(true);
  expect([seen(), isLocked()]).toEqual([first, true]);
  expect(await eventually(() => seen() === last)).toBe(true);
  expect(await eventually(() => !isLocked())).toBe(true);
});

test("a backup waits until stock git sees all that was published before", async () => {
  const { branch, publish, seen } = await open();
  await publish(false);
  const last = await publish(true);
  await Promise.all([branch.flushed(), branch.flushed()]);
  expect(seen()).toBe(last);
  await branch.flushed();
});

test("stock git sees moves that come without a pause, for which the writer waits once", async () => {
  const { branch, publish, seen } = await open();
  const first = await publish(false);
  let waited = 0;
  for (const end = performance.now() + 10_000; seen() === first && performance.now() < end; ) {
    const ready = branch.whenReady();
    if (ready !== undefined) waited++;
    await ready;
    await publish(true);
  }
  expect(waited).toBe(1);
  expect(seen()).not.toBe(first);
});

test("commits that can't be shown to stock git fail a waiting backup, are reported once and tried again", async () => {
  const { dir, branch, publish, seen, failures } = await open();
  await publish(false);
  renameSync(`${dir}/objects/pack`, `${dir}/objects/away`);
  const last = await publish(true);
  await expect(branch.flushed()).rejects.toThrow("ENOENT");
  await expect(branch.flushed()).rejects.toThrow("ENOENT");
  expect(failures).toHaveLength(1);
  renameSync(`${dir}/objects/away`, `${dir}/objects/pack`);
  expect(await eventually(() => seen() === last)).toBe(true);
  expect(failures).toHaveLength(1);
});

test("a branch that is closed has shown stock git everything, and closes once", async () => {
  const { branch, publish, seen, isLocked } = await open();
  await publish(false);
  const last = await publish(true);
  await Promise.all([branch.close(), branch.close()]);
  expect([seen(), isLocked()]).toEqual([last, false]);
});

test("the first commit of a store unlocks the branch once, so that a lock of stock git stays", async () => {
  let unlocks = 0;
  class CountingRefs extends LocalRefs {
    override unlock(ref: string): void {
      unlocks++;
      super.unlock(ref);
    }
  }
  const { publish } = await open((dir) => new CountingRefs(dir));
  await publish(false);
  expect(unlocks).toBe(1);
});
