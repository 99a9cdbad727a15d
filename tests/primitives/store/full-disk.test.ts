import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { storageTroubleOf } from "../../../src/primitives/fs/storage-trouble.ts";
import type { Store } from "../../../src/primitives/store/commits/store.ts";
import { storePath } from "../../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../support/cleanup.ts";
import { eventually } from "../../support/eventually.ts";
import { describeWithSmallDisks, smallDisk } from "../../support/small-disk.ts";

const NAME = "everlock-test" as StoreName;
const meta = { author: { name: "alice", email: "alice@everlock" }, message: "write" };
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

async function open(dataDir: string) {
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const manager = localStores(dataDir, { info: log, warn: log, error: log });
  const store = await manager.open(NAME);
  afterThisTest(() => (store.isClosed ? undefined : store.close()));
  return { store, dir: manager.directory(NAME), logged };
}

/** Each file its own commit, all at once; what became of each. */
const outcomesOf = (store: Store, names: readonly string[]) =>
  Promise.all(
    names.map((name) =>
      store
        .write(storePath(name), Buffer.from(name.padEnd(3000, "x")), meta)
        .then(() => "stored", storageTroubleOf),
    ),
  );

const leftovers = (dir: string) => [
  ...readdirSync(`${dir}/objects/pack`).filter((name) => name.startsWith("tmp_")),
  ...readdirSync(dir).filter((name) => name.endsWith(".new")),
  ...readdirSync(`${dir}/refs/heads`).filter((name) => name !== "main"),
];

describeWithSmallDisks("a store on a full disk", () => {
  test.each([1, 40])(
    "refuses %d simultaneous commits, leaves no files of them, and accepts commits again once there is space",
    async (count) => {
      const disk = smallDisk("3m");
      const { store, dir } = await open(disk.path);
      expect(await outcomesOf(store, numbered("before", count))).toEqual(Array(count).fill("stored"));
      expect(await eventually(() => leftovers(dir).length === 0)).toBe(true);
      disk.fill();
      for (let round = 0; round < 3; round++) {
        const refused = await outcomesOf(store, numbered(`full${round}-`, count));
        expect(new Set(refused)).toContain("no-room");
      }
      disk.free();
      expect(await outcomesOf(store, numbered("after", count))).toEqual(Array(count).fill("stored"));
      expect(await eventually(() => leftovers(dir).length === 0)).toBe(true);
      for (const name of [...numbered("before", count), ...numbered("after", count)]) {
        expect(await store.read(storePath(name))).toBeDefined();
      }
      const { commitId } = store.head();
      await store.close();
      expect((await open(disk.path)).store.head().commitId).toBe(commitId);
    },
  );

  test("loses nothing that was acknowledged while it filled up", async () => {
    const disk = smallDisk("2m");
    const { store } = await open(disk.path);
    const acknowledged: string[] = [];
    let refusals = 0;
    for (let round = 0; refusals < 5; round++) {
      const names = numbered(`round${round}-`, 10);
      const outcomes = await outcomesOf(store, names);
      for (const [i, name] of names.entries()) if (outcomes[i] === "stored") acknowledged.push(name);
      if (outcomes.some((outcome) => outcome !== "stored")) refusals++;
    }
    await store.close().catch(() => undefined);
    disk.resize("8m");
    const again = (await open(disk.path)).store;
    for (const name of acknowledged) expect(await again.read(storePath(name))).toBeDefined();
    expect(acknowledged.length).toBeGreaterThan(20);
  });
});
