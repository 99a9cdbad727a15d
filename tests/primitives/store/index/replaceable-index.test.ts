import { expect, test } from "bun:test";
import { tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { OCI_INDEX } from "../../../../src/backends/oci-http/index/oci-index.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { damageIn } from "../../../../src/primitives/sqlite/database-damage.ts";
import type { Change } from "../../../../src/primitives/store/commits/tree-edit.ts";
import type { ObjectId } from "../../../../src/primitives/store/git/object-id.ts";
import { DerivedIndex } from "../../../../src/primitives/store/index/derived-index.ts";
import { ReplaceableIndex } from "../../../../src/primitives/store/index/replaceable-index.ts";
import { ScopeClock } from "../../../../src/primitives/store/index/scope-clock.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";

const repository = "app" as RepositoryName;
const head = (n: number) => String(n).repeat(64) as ObjectId;
const tagged = (tag: string): Change[] => [
  { path: tagPath(repository, tag as Tag), content: Buffer.from(`${digestOf(Buffer.from(tag))}\n`) },
];

function open(): DerivedIndex {
  const index = DerivedIndex.open(":memory:", OCI_INDEX, new ScopeClock());
  afterThisTest(() => index.close());
  return index;
}

test("a successor knows what came while it was brought up, and all that comes after", async () => {
  const index = new ReplaceableIndex(open());
  index.apply(tagged("a"), head(1));
  const [successor, brought] = [open(), Promise.withResolvers<void>()];
  const replaced = index.replace(successor, async () => {
    successor.apply(tagged("a"), head(1));
    await brought.promise;
  });
  index.apply(tagged("b"), head(2));
  expect(successor.head).toBe(head(1));
  brought.resolve();
  await replaced;
  expect([index.current, index.head]).toEqual([successor, head(2)]);
  index.apply(tagged("c"), head(3));
  const whole = open();
  whole.apply([...tagged("a"), ...tagged("b"), ...tagged("c")], head(3));
  expect(index.dump(repository)).toBe(whole.dump(repository));
});

test("what a damaged index can't take in is reported, and its successor knows it", async () => {
  const broken = open();
  const index = new ReplaceableIndex(broken);
  const reports: unknown[] = [];
  index.onDamage = (error) => reports.push(damageIn(error));
  broken.db.run("DROP TABLE tags");
  const successor = open();
  await index.replace(successor, async () => {
    expect(() => index.apply(tagged("a"), head(1))).toThrow("no such table");
  });
  expect(reports).toEqual(["no such table: tags"]);
  expect([index.head, index.scopes()]).toEqual([head(1), [repository]]);
});

test("what was removed is never thought to be there because the index is another one", async () => {
  const index = new ReplaceableIndex(open());
  index.apply([{ path: tagPath(repository, "a" as Tag), content: null }], head(1));
  const before = index.removals;
  await index.replace(open(), async () => undefined);
  expect(index.removals).toBeGreaterThan(before);
});

test("an index whose successor can't be brought up stays", async () => {
  const current = open();
  const index = new ReplaceableIndex(current);
  const failing = index.replace(open(), () => Promise.reject(new Error("the disk is full")));
  await expect(failing).rejects.toThrow("the disk is full");
  index.apply(tagged("a"), head(1));
  expect([index.current, current.head]).toEqual([current, head(1)]);
});
