import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { HistoryIndex } from "../../../../src/backends/oci-http/history/history-index.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { damageIn } from "../../../../src/primitives/sqlite/database-damage.ts";
import { Store } from "../../../../src/primitives/store/commits/store.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { flipBit } from "../../../support/flipped-bit.ts";
import { MemoryStore } from "../../../support/memory-engine/memory-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const FLIPS = 150;
const IMAGES = 12;
const repository = "team/app" as RepositoryName;
const author = { name: "alice", email: "alice@everlock" };

/** A store where images came and every third went, and the file of its history. */
async function wholeHistory() {
  const store = await Store.open("test", new MemoryStore());
  const layers = Array.from({ length: IMAGES }, (_, i) => digestOf(Buffer.from(`layer ${i}`)));
  const manifests = layers.map((layer) => {
    const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: layer, size: 5 };
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }));
    return { content, digest: digestOf(content) };
  });
  for (const [i, { content, digest }] of manifests.entries()) {
    await store.commit(
      [
        { path: manifestPath(repository, digest), content },
        { path: tagPath(repository, `v${i}` as Tag), content: Buffer.from(`${digest}\n`) },
      ],
      {
        author,
        message: `push ${repository}:v${i}\n\nRepository: ${repository}\nTag: v${i}\nDigest: ${digest}`,
      },
    );
    if (i % 3 === 0)
      await store.commit([{ path: manifestPath(repository, digest), content: null }], {
        author,
        message: "remove",
      });
  }
  const path = `${temporaryDirectory()}/history.sqlite`;
  const ask = async (history: HistoryIndex) => ({
    events: await Array.fromAsync(history.events()),
    ofTag: await Array.fromAsync(history.events({ repository, tag: "v1" as Tag })),
    removed: layers.map((layer) => history.removedAt(layer)),
    removedOf: history.removedAtOf(layers),
    mentioned: manifests.map(({ digest }) => history.mentionedAt(repository, digest)),
    sets: [...history.setsOf(repository)].sort(),
    newest: await history.commitAt({ kind: "time", seconds: Number.MAX_SAFE_INTEGER }),
  });
  const whole = new HistoryIndex(path, store);
  const right = await ask(whole);
  await whole.close();
  return { store, path, right, ask };
}

test("a history database with any bit flipped is rebuilt and reported, or gives the same results", async () => {
  const { store, path, right, ask } = await wholeHistory();
  const { size } = statSync(path);
  let reports = 0;
  for (let i = 0; i < FLIPS; i++) {
    const copy = `${path}-${i}.sqlite`;
    copyFileSync(path, copy);
    flipBit(copy, Math.floor((i * size) / FLIPS) + (i % 11), (i * 3) % 8);
    const history = new HistoryIndex(copy, store, () => reports++);
    expect(await ask(history)).toEqual(right);
    await history.close();
  }
  expect(reports).toBeGreaterThan(FLIPS / 10);
}, 60_000);

test("a history database that is damaged while it is open may fail one query, and is right for the next", async () => {
  const { store, path, right, ask } = await wholeHistory();
  for (const vandalism of [
    "UPDATE commits SET event = replace(event, 'alice', 'mallory')",
    "UPDATE removed SET seconds = 1",
    "UPDATE mentions SET seconds = 1",
    "UPDATE moves SET is_set = 1 - is_set, seq = seq + 1000",
    "DROP TABLE removed",
  ]) {
    const reports: string[] = [];
    const history = new HistoryIndex(path, store, (reason) => reports.push(reason));
    await history.catchUp();
    const vandal = new Database(path);
    vandal.run(vandalism);
    vandal.close();
    const first = await ask(history).catch(damageIn);
    if (typeof first !== "string") expect(first).toEqual(right);
    expect(await ask(history)).toEqual(right);
    expect(reports).toHaveLength(1);
    await history.close();
  }
});
