import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { type Digest, digestOf } from "../../../../../src/primitives/digest.ts";
import { damageIn } from "../../../../../src/primitives/sqlite/database-damage.ts";
import {
  createLinks,
  salvageLinks,
} from "../../../../../src/primitives/store/engine/local/links-database.ts";
import { LinksFile } from "../../../../../src/primitives/store/engine/local/links-file.ts";
import { flipBit } from "../../../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const layer = digestOf(Buffer.from("layer"));
const FLIPS = 200;

test("links of an earlier version, without checksums, are kept", async () => {
  const path = `${temporaryDirectory()}/links.sqlite`;
  const db = new Database(path, { create: true });
  db.run(`CREATE TABLE links (scope TEXT NOT NULL, digest TEXT NOT NULL, linked_at INTEGER NOT NULL,
    PRIMARY KEY (scope, digest)) WITHOUT ROWID`);
  db.run("CREATE INDEX links_by_digest ON links (digest)");
  db.run("INSERT INTO links VALUES ('alpine', ?, 1000)", [layer]);
  db.close();
  for (let opened = 0; opened < 2; opened++) {
    const links = new LinksFile(path, () => undefined);
    expect([await links.has("alpine", layer), await links.isLinkedSince(layer, 1001)]).toEqual([true, false]);
    await links.close();
  }
});

/** Files with one bit flipped, of links of ten blobs to ten scopes. */
function* damagedCopies() {
  const dir = temporaryDirectory();
  const blobs = Array.from({ length: 10 }, (_, i) => digestOf(Buffer.from(`blob ${i}`)));
  const all = blobs.flatMap((digest, i) =>
    Array.from({ length: 10 }, (_, j) => ({
      scope: `team${i}/app${j}`,
      digest,
      linkedAt: 1_700_000_000 + j,
    })),
  );
  createLinks(`${dir}/links.sqlite`, all);
  const { size } = statSync(`${dir}/links.sqlite`);
  for (let i = 0; i < FLIPS; i++) {
    const path = `${dir}/copy-${i}.sqlite`;
    copyFileSync(`${dir}/links.sqlite`, path);
    flipBit(path, Math.floor((i * size) / FLIPS) + (i % 7), (i * 3) % 8);
    yield { path, all, blobs };
  }
}

test("a links database with any bit flipped is damaged when it is opened, or has no wrong link", async () => {
  let damaged = 0;
  for (const { path, all, blobs } of damagedCopies()) {
    let links: LinksFile | undefined;
    try {
      links = new LinksFile(path, () => undefined);
      const known: string[] = [];
      for (const digest of blobs)
        for (const scope of await links.scopesOf(digest, 100)) known.push(`${scope} ${digest}`);
      expect(known.sort()).toEqual(all.map(({ scope, digest }) => `${scope} ${digest}`).sort());
      for (const { scope, digest } of all) expect(await links.has(scope, digest)).toBe(true);
    } catch (error) {
      if (damageIn(error) === undefined) throw error;
      damaged++;
    }
    void links?.close();
  }
  expect(damaged).toBeGreaterThan(FLIPS / 10);
}, 30_000);

test("most links are salvaged from a damaged links database, and no wrong ones", () => {
  const shares: number[] = [];
  for (const { path, all } of damagedCopies()) {
    const known = new Set(all.map((link) => JSON.stringify(link)));
    const salvaged = salvageLinks(path).map((link) => JSON.stringify(link));
    expect(salvaged.filter((link) => !known.has(link))).toEqual([]);
    shares.push(salvaged.length / all.length);
  }
  shares.sort((a, b) => a - b);
  expect(shares[Math.floor(FLIPS / 4)]).toBeGreaterThan(0.9);
}, 30_000);

test("the first of equal links counts when a links database is made", () => {
  const path = `${temporaryDirectory()}/links.sqlite`;
  const link = (linkedAt: number): { scope: string; digest: Digest; linkedAt: number } => ({
    scope: "alpine",
    digest: layer,
    linkedAt,
  });
  createLinks(path, [link(5), link(9)]);
  expect(salvageLinks(path)).toEqual([link(5)]);
});
