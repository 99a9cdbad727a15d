import { expect, spyOn, test } from "bun:test";
import { SUMMARY_DATABASE } from "../../../../src/backends/oci-http/summaries/summary-database.ts";
import { tagsBy } from "../../../../src/backends/oci-http/summaries/summary-pages.ts";
import { openDatabase } from "../../../../src/primitives/sqlite/open-database.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const TAGS = 9000;

test("a search in thousands of tags finds in every order what a look at each tag does, in few queries", async () => {
  const db = openDatabase(`${temporaryDirectory()}/summaries.sqlite`, SUMMARY_DATABASE);
  afterThisTest(() => db.close());
  db.run("INSERT INTO repositories (id, name, tags) VALUES (1, ?, ?)", [APP, TAGS]);
  const tags = Array.from({ length: TAGS }, (_, i) => ({
    tag: `v${i}`,
    pushed: i % 7,
    version: String(i % 11),
    size: 1,
  }));
  const insert = db.query("INSERT INTO tags VALUES (1, ?, x'00', ?, ?, ?)");
  db.transaction(() => {
    for (const { tag, version, size, pushed } of tags) insert.run(tag, version, size, pushed);
  })();
  const query = spyOn(db, "query");
  for (const sort of ["name", "pushed", "version", "size"] as const)
    for (const descending of [false, true])
      for (const text of ["v88", "V1", "none", "_"]) {
        const key = (tag: (typeof tags)[number]) => (sort === "name" ? tag.tag : tag[sort]);
        const sign = descending ? -1 : 1;
        const expected = tags
          .filter(({ tag }) => tag.includes(text.toLowerCase()))
          .sort((a, b) => sign * (key(a) === key(b) ? (a.tag < b.tag ? -1 : 1) : key(a) < key(b) ? -1 : 1))
          .map(({ tag }) => tag as string);
        query.mockClear();
        const found: string[] = [];
        const scan = tagsBy(db, APP, { sort, descending, text })?.scan;
        if (scan) for await (const { name } of scan.after(undefined)) found.push(name);
        expect(found).toEqual(expected);
        // One for each ten tags that are found, or are read only so that the search is not one turn: about five.
        expect(query.mock.calls.length).toBeLessThan(10 + expected.length / 10);
      }
});
