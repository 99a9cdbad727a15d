import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { digestOf } from "../../../../../src/primitives/digest.ts";
import { LocalEngine } from "../../../../../src/primitives/store/engine/local/local-engine.ts";
import { afterThisTest } from "../../../../support/cleanup.ts";
import { flipBit } from "../../../../support/flipped-bit.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

const NAME = "everlock-test";
const layer = digestOf(Buffer.from("layer"));
const other = digestOf(Buffer.from("other"));
const named = digestOf(Buffer.from("named"));

/** An engine with a store, what it logs, and links that need one blob. */
async function openEngine() {
  const dataDir = temporaryDirectory();
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const engine = new LocalEngine(dataDir, { info: log, warn: log, error: log });
  await engine.create(NAME);
  const open = () =>
    engine.openLinks(NAME, {
      changed: () => undefined,
      needed: () => [{ scope: "app", digest: named }],
    });
  const dir = `${dataDir}/${NAME}`;
  /** Changes a link as a bad disk does: its sum stays. */
  const damage = (digest: string, file = "links.sqlite") => {
    using db = new Database(`${dir}/${file}`, { readwrite: true });
    db.run("UPDATE blob_links SET linked_at = 1 WHERE digest = ?", [digest]);
  };
  return { engine, dir, open, damage, logged };
}

test("links that are damaged while they are open are replaced, for those who read them again too", async () => {
  const { engine, dir, open, damage, logged } = await openEngine();
  const links = await open();
  await links.add("app", layer);
  await links.add("app", other);
  damage(other);
  const reader = await engine.readLinks(NAME);
  afterThisTest(() => reader.close());
  await expect(reader.has("app", other)).rejects.toThrow("a row has another sum");
  expect(await links.repair({ reason: "a row has another sum", path: `${dir}/links.sqlite` })).toBe(true);
  const again = await engine.readLinks(NAME);
  afterThisTest(() => again.close());
  for (const opened of [links, again])
    expect([
      await opened.has("app", layer),
      await opened.has("app", other),
      await opened.has("app", named),
    ]).toEqual([true, false, true]);
  await links.add("app", other);
  expect(await again.has("app", other)).toBe(true);
  expect(logged).toEqual([
    expect.stringMatching(
      /^links\.sqlite of the store 'everlock-test' is damaged \(a row has another sum\); /,
    ),
    "links.sqlite of the store 'everlock-test' was replaced",
  ]);
  expect([existsSync(`${dir}/links.sqlite`), existsSync(`${dir}/links.damaged.sqlite`)]).toEqual([
    false,
    true,
  ]);
  await links.close();
  expect([existsSync(`${dir}/links.sqlite`), existsSync(`${dir}/links.rebuilt.sqlite`)]).toEqual([
    true,
    false,
  ]);
  const afterStop = await open();
  expect((await afterStop.blobsOf("app")).sort()).toEqual([layer, other, named].sort());
  await afterStop.close();
});

test("damage of an unknown file is found in links that are damaged", async () => {
  const { open, damage } = await openEngine();
  const links = await open();
  afterThisTest(() => links.close());
  await links.add("app", layer);
  damage(layer);
  expect(await links.repair({ reason: "unknown" })).toBe(true);
});

test("links that are damaged again after they were replaced are left to the next start", async () => {
  const { dir, open, damage } = await openEngine();
  const links = await open();
  afterThisTest(() => links.close());
  await links.add("app", layer);
  damage(layer);
  await links.repair({ reason: "unknown" });
  damage(named, "links.rebuilt.sqlite");
  const again = links.repair({ reason: "its sum", path: `${dir}/links.rebuilt.sqlite` });
  await expect(again).rejects.toThrow(
    "links.rebuilt.sqlite is damaged (its sum) again; the next start makes another one",
  );
});

test("a check names damaged links and changes nothing; those that are missing are sound", async () => {
  const { engine, dir, open, logged } = await openEngine();
  const links = await open();
  await links.add("app", layer);
  await links.close();
  expect(await engine.checkLinks(NAME)).toEqual([]);
  flipBit(`${dir}/links.sqlite`, 0, 0);
  const damaged = await engine.checkLinks(NAME);
  expect(damaged).toEqual([
    expect.stringMatching(/^links\.sqlite is damaged \(its header is not that of a /),
  ]);
  expect(await engine.checkLinks(NAME)).toEqual(damaged);
  rmSync(`${dir}/links.sqlite`);
  expect(await engine.checkLinks(NAME)).toEqual([]);
  expect(logged).toEqual([]);
});
