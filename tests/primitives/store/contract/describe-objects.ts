import { describe, expect, test } from "bun:test";
import { nameObject } from "../../../../src/primitives/store/git/object.ts";
import { type EngineUnderTest, openCommits } from "./engines.ts";

const blob = (text: string) => nameObject("blob", Buffer.from(text));

export function describeObjects({ name, create }: EngineUnderTest): void {
  describe(`objects of the engine '${name}'`, () => {
    test("are read as they were put, and what was not put is undefined", async () => {
      const { objects } = await openCommits(create().engine);
      const put = [blob("a"), blob(""), nameObject("tree", new Uint8Array()), blob("x".repeat(100_000))];
      await objects.put(put);
      for (const { id, type, body } of put) {
        const found = await objects.get(id);
        expect(found?.type).toBe(type);
        expect(Buffer.from(found?.body ?? "none")).toEqual(Buffer.from(body));
        expect(await objects.has(id)).toBe(true);
      }
      expect([await objects.get(blob("b").id), await objects.has(blob("b").id)]).toEqual([undefined, false]);
    });

    test("are listed, those of several groups and of commits", async () => {
      const { objects, branch } = await openCommits(create().engine);
      expect((await Array.fromAsync(objects.list())).flat()).toEqual([]);
      const commit = nameObject("commit", Buffer.from("first"));
      const stored = () => undefined;
      const move = { objects: [commit, blob("a")], expected: undefined, next: commit.id, stored };
      await branch.publish({ ...move, isFollowed: false });
      await objects.put(Array.from({ length: 5000 }, (_, i) => blob(`object ${i}`)));
      const listed = new Set((await Array.fromAsync(objects.list())).flat());
      expect(listed.size).toBe(5002);
      expect([commit.id, blob("a").id, blob("object 4999").id].every((id) => listed.has(id))).toBe(true);
    });

    test("that were put are there after a kill", async () => {
      const storage = create();
      const { objects, branch } = await openCommits(storage.engine);
      // Objects without a branch are what a lost branch leaves, which an engine may refuse to open.
      const commit = nameObject("commit", Buffer.from("first"));
      const stored = () => undefined;
      await branch.publish({
        objects: [commit],
        expected: undefined,
        next: commit.id,
        isFollowed: false,
        stored,
      });
      const put = Array.from({ length: 300 }, (_, i) => blob(`object ${i}`));
      await objects.put(put);
      const after = await openCommits(storage.afterKill());
      for (const { id } of put) expect(await after.objects.has(id)).toBe(true);
    });

    test("may be put again, alone or with others", async () => {
      const { objects } = await openCommits(create().engine);
      await objects.put([blob("a")]);
      await objects.put([blob("a")]);
      await objects.put([blob("a"), blob("b")]);
      await objects.put([]);
      expect(Buffer.from((await objects.get(blob("a").id))?.body ?? [])).toEqual(Buffer.from("a"));
    });

    test("of many batches at once are all found, and nothing is wrong with what holds them", async () => {
      const { objects } = await openCommits(create().engine);
      const batches = Array.from({ length: 20 }, (_, i) => [blob(`first of ${i}`), blob(`second of ${i}`)]);
      await Promise.all(batches.map((batch) => objects.put(batch)));
      for (const { id } of batches.flat()) expect(await objects.has(id)).toBe(true);
      expect(await objects.verify(async () => true)).toEqual([]);
    });
  });
}
