import { describe, expect, test } from "bun:test";
import type { Branch, BranchMove } from "../../../../src/primitives/store/engine/branch.ts";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { type EngineUnderTest, openCommits } from "./engines.ts";

const commit = (text: string) => nameObject("commit", Buffer.from(text));

function moveTo(text: string, expected: ObjectId | undefined, isFollowed = false): BranchMove {
  const made = commit(text);
  return { objects: [made], expected, next: made.id, isFollowed, stored: () => undefined };
}

/** Publishes so many commits, each on the one before, and answers their ids. */
async function publishChain(branch: Branch, count: number, isFollowed: boolean): Promise<ObjectId[]> {
  const ids: ObjectId[] = [];
  for (let i = 0; i < count; i++) {
    const move = moveTo(`commit ${i}`, ids.at(-1), isFollowed);
    expect(await branch.publish(move)).toBe(true);
    ids.push(move.next);
  }
  return ids;
}

export function describeBranch({ name, hasNodes, create }: EngineUnderTest): void {
  describe(`the branch of the engine '${name}'`, () => {
    test("of a new store is nowhere", async () => {
      const { branch } = await openCommits(create().engine);
      expect(await branch.read()).toBeUndefined();
    });

    test.each([true, false])(
      "is where it was published to after a kill (followed: %p)",
      async (isFollowed) => {
        const storage = create();
        const { branch } = await openCommits(storage.engine);
        const ids = await publishChain(branch, 10, isFollowed);
        expect(await branch.read()).toBe(ids.at(-1));
        const after = await openCommits(storage.afterKill());
        expect(await after.branch.read()).toBe(ids.at(-1));
        for (const id of ids) expect(await after.objects.has(id)).toBe(true);
      },
    );

    test("is not moved by a writer that expects it elsewhere", async () => {
      const { branch, objects } = await openCommits(create().engine);
      const [first] = await publishChain(branch, 1, false);
      for (const expected of [undefined, commit("unknown").id])
        for (const isFollowed of [true, false])
          expect(await branch.publish(moveTo("late", expected, isFollowed))).toBe(false);
      expect(await branch.read()).toBe(first);
      expect(await objects.has(commit("late").id)).toBe(false);
      expect(await branch.publish(moveTo("next", first))).toBe(true);
    });

    test("has stored the objects of each move when it is closed", async () => {
      const { branch, objects } = await openCommits(create().engine);
      let previous: ObjectId | undefined;
      let stored = 0;
      for (let i = 0; i < 20; i++) {
        const { next, ...move } = moveTo(`commit ${i}`, previous, i % 3 > 0);
        await branch.publish({ ...move, next, stored: () => void stored++ });
        previous = next;
      }
      await branch.whenReady();
      await branch.close();
      expect(stored).toBe(20);
      for (let i = 0; i < 20; i++) expect(await objects.has(commit(`commit ${i}`).id)).toBe(true);
    });

    test("has stored all that was published once a backup holds it", async () => {
      const storage = create();
      const { branch, objects, hold } = await openCommits(storage.engine);
      const ids = await publishChain(branch, 10, true);
      const release = await hold();
      for (const id of ids) expect(await objects.has(id)).toBe(true);
      release();
      expect(await branch.publish(moveTo("after", ids.at(-1)))).toBe(true);
    });

    test("has errors for moves that are refused again and again, and for a lost commit", async () => {
      const { branch } = await openCommits(create().engine);
      const { id } = commit("newest");
      expect(branch.contended().message).not.toBe("");
      expect(branch.lost(id).message).toContain(id);
    });

    test(`${hasNodes ? "is" : "need not be"} looked at for moves of other nodes`, async () => {
      const { branch } = await openCommits(create().engine);
      const [id] = await publishChain(branch, 1, false);
      const refreshed = branch.refresh();
      expect(refreshed === undefined).toBe(!hasNodes);
      if (hasNodes) expect(await refreshed).toBe(id);
    });

    if (hasNodes) describeNodes(create);
  });
}

/** For engines that several nodes use at once. */
function describeNodes(create: EngineUnderTest["create"]): void {
  async function openTwo() {
    const { engine, otherNode } = create();
    if (!otherNode) throw new Error("there is no other node");
    return [await openCommits(engine), await openCommits(otherNode())] as const;
  }

  test("is moved by exactly one of two nodes that race", async () => {
    const [here, there] = await openTwo();
    let head: ObjectId | undefined;
    for (let round = 0; round < 50; round++) {
      const moves = [moveTo(`here ${round}`, head), moveTo(`there ${round}`, head)] as const;
      const outcomes = await Promise.all([here.branch.publish(moves[0]), there.branch.publish(moves[1])]);
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      head = moves[outcomes[0] ? 0 : 1].next;
      expect([await here.branch.read(), await there.branch.read()]).toEqual([head, head]);
    }
  });

  test("is known to a node as another one left it once that node has looked", async () => {
    const [here, there] = await openTwo();
    let head: ObjectId | undefined;
    for (let round = 0; round < 5; round++) {
      const move = moveTo(`round ${round}`, head);
      await here.branch.publish(move);
      head = move.next;
      expect(await there.branch.refresh()).toBe(head);
      expect(await there.branch.read()).toBe(head);
      expect(await there.objects.has(move.next)).toBe(true);
    }
  });

  test("calls the watchers of other nodes when one node has moved it, once they have looked", async () => {
    const [here, there] = await openTwo();
    const told: string[] = [];
    const unwatch = here.branch.watch(() => told.push("here"));
    there.branch.watch(() => told.push("there"));
    const { next, ...move } = moveTo("a", undefined);
    await there.branch.publish({ ...move, next });
    await here.branch.refresh();
    expect(told).toEqual(["here"]);
    unwatch();
    await there.branch.publish(moveTo("b", next));
    await here.branch.refresh();
    expect(told).toEqual(["here"]);
  });
}
