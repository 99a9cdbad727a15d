import { expect, test } from "bun:test";
import { DATABASE } from "../../../../src/backends/oci-http/history/history-database.ts";
import {
  countPastTags,
  type PushedTag,
  pastTagNames,
  pastTagsByPush,
} from "../../../../src/backends/oci-http/history/past-tag-search.ts";
import type { Past } from "../../../../src/backends/oci-http/history/past-tags.ts";
import { openDatabase } from "../../../../src/primitives/sqlite/open-database.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const TAGS = 9000;
/** The moment that is looked at; later moves don't count. */
const SEQ = 50;

/** A history in which tags were set once or more, deleted, and set after the moment; and the places at which those of the moment were set. */
function pastWithTags() {
  const db = openDatabase(`${temporaryDirectory()}/history.sqlite`, DATABASE);
  afterThisTest(() => db.close());
  const insert = db.query("INSERT INTO moves VALUES (?, ?, ?, ?, 0)");
  const then = new Map<string, number>();
  let queries = 0;
  db.transaction(() => {
    for (let i = 0; i < TAGS; i++) {
      const tag = `v${i}`;
      const moves: (readonly [seq: number, isSet: 0 | 1])[] = [[i % 40, 1]];
      if (i % 3 === 0) moves.push([40 + (i % 10), 1]);
      if (i % 7 === 0) moves.push([SEQ, 0]);
      if (i % 2 === 0) moves.push([SEQ + 1, i % 4 === 0 ? 0 : 1]);
      for (const [seq, isSet] of moves) {
        insert.run(APP, tag, seq, isSet);
        insert.run("team/other", tag, seq, isSet);
        if (seq > SEQ) continue;
        if (isSet === 1) then.set(tag, seq);
        else then.delete(tag);
      }
      insert.run(APP, `later${i}`, SEQ + 1, 1);
    }
  })();
  const past: Past = {
    seq: SEQ,
    history: {
      rows: () => [],
      first: (sql, values) => {
        queries++;
        return (db.query(sql).get(values) as never) ?? undefined;
      },
    },
  };
  return { past, then, queries: () => queries };
}

const TEXTS = ["", "V88", "none", "_"];

test("a search in thousands of tags of the past finds what a look at each tag does, in few queries", async () => {
  const { past, then, queries } = pastWithTags();
  for (const text of TEXTS)
    for (const descending of [false, true])
      for (const last of [undefined, "v5"]) {
        const expected = [...then.keys()]
          .filter((tag) => tag.includes(text.toLowerCase()))
          .filter((tag) => last === undefined || (descending ? tag < last : tag > last))
          .sort();
        const before = queries();
        const found = [...pastTagNames(past, APP, { text, descending, last })].flatMap((names) =>
          descending ? names.toSorted().reverse() : names.toSorted(),
        );
        expect<string[]>(found).toEqual(descending ? expected.reverse() : expected);
        expect(queries() - before).toBeLessThan(20);
      }
  expect(await countPastTags(past, APP)).toBe(then.size);
});

test("tags of the past are found in the order in which they had been set, page by page", async () => {
  const { past, then, queries } = pastWithTags();
  const place = ([name, key]: [string, number]) => [key, name] as const;
  for (const text of TEXTS)
    for (const descending of [false, true]) {
      const sign = descending ? -1 : 1;
      const expected = [...then]
        .filter(([tag]) => tag.includes(text.toLowerCase()))
        .map(place)
        .sort(([a, x], [b, y]) => sign * (a === b ? (x < y ? -1 : 1) : a - b))
        .map(([, name]) => name);
      const found: string[] = [];
      let position: PushedTag | undefined;
      for (let page = 0; page < 3; page++) {
        const before = queries();
        const tags = await pastTagsByPush(past, APP, { text, descending, position, limit: 40 });
        expect(queries() - before).toBeLessThan(20);
        found.push(...tags.map(({ name }) => name));
        position = tags.at(-1) ?? { name: "v" as Tag, key: descending ? -1 : Number.MAX_SAFE_INTEGER };
      }
      expect(found).toEqual(expected.slice(0, 120));
    }
});
