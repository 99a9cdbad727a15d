import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, utimesSync, watch, writeFileSync } from "node:fs";
import { LocalObjects } from "../../../../../src/primitives/store/engine/local/local-objects.ts";
import { type NamedObject, nameObject } from "../../../../../src/primitives/store/git/object.ts";
import { eventually } from "../../../../support/eventually.ts";
import { randomBytes } from "../../../../support/random-bytes.ts";
import { temporaryDirectory } from "../../../../support/temporary-directory.ts";

function objectsDirectory(): { dir: string; packs: () => string[] } {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/pack`);
  return { dir, packs: () => readdirSync(`${dir}/pack`).filter((name) => name.endsWith(".pack")) };
}

const blob = (text: string): NamedObject => nameObject("blob", Buffer.from(text));

async function expectAll(objects: LocalObjects, wanted: readonly NamedObject[]): Promise<void> {
  for (const { id, body } of wanted) {
    expect(Buffer.from((await objects.get(id))?.body ?? []).toString()).toBe(Buffer.from(body).toString());
  }
}

describe("small packs", () => {
  test("are merged while more are written, and every object stays readable at every moment", async () => {
    const { dir, packs } = objectsDirectory();
    const objects = new LocalObjects(dir);
    const written: NamedObject[] = [];
    for (let i = 0; i < 600; i++) {
      const batch = [blob(`object ${i}`), blob(`shared ${i % 10}`)];
      await objects.put(batch);
      written.push(...batch);
      if (i % 50 === 0) await expectAll(objects, written);
    }
    await expectAll(objects, written);
    await objects.close();
    expect(packs().length).toBeLessThan(200);
    const again = new LocalObjects(dir);
    await expectAll(again, written);
    await again.close();
  });

  test("of which one holds all that the others do lose nothing by a merge", async () => {
    const { dir, packs } = objectsDirectory();
    const objects = new LocalObjects(dir);
    const all = Array.from({ length: 140 }, (_, i) => blob(`object ${i}`));
    for (const object of all) await objects.put([object]);
    await objects.close();
    // The same merge again: what it writes has the name of a pack that is there.
    const again = new LocalObjects(dir);
    for (const object of all) await again.put([object]);
    await again.close();
    const last = new LocalObjects(dir);
    await expectAll(last, all);
    await last.close();
    expect(packs().length).toBeLessThan(140);
  });

  test("that could not be merged are reported and stay", async () => {
    const { dir } = objectsDirectory();
    const failures: unknown[] = [];
    const objects = new LocalObjects(dir, (error) => failures.push(error));
    const all = Array.from({ length: 140 }, (_, i) => blob(`object ${i}`));
    for (const object of all.slice(0, 128)) await objects.put([object]);
    const [first = ""] = readdirSync(`${dir}/pack`).filter((name) => name.endsWith(".pack"));
    const intact = await Bun.file(`${dir}/pack/${first}`).bytes();
    writeFileSync(`${dir}/pack/${first}`, intact.slice(0, 20));
    for (const object of all.slice(128)) await objects.put([object]);
    await objects.close();
    expect(String(failures[0])).toContain("is damaged");
    writeFileSync(`${dir}/pack/${first}`, intact);
    const again = new LocalObjects(dir);
    await expectAll(again, all);
    await again.close();
  });
});

test("what a crash in the middle of a merge left behind is removed, but nothing of stock git's", async () => {
  const { dir } = objectsDirectory();
  const id = crypto.randomUUID();
  const leftovers = [`tmp_pack_${id}`, `tmp_idx_${id}`, "pack-old.pack"];
  // As earlier versions named them.
  leftovers.push(`tmp_${id}.pack`, `tmp_${id}.idx`);
  const kept = ["pack-young.pack", "tmp_pack_Xy12", "pack-old.keep"];
  for (const name of [...leftovers, ...kept]) writeFileSync(`${dir}/pack/${name}`, "");
  utimesSync(`${dir}/pack/pack-old.pack`, 0, 0);
  await new LocalObjects(dir).close();
  expect(readdirSync(`${dir}/pack`).sort()).toEqual(kept.sort());
});

test("packs are not copied into one while there is no room, and are once there is", async () => {
  const { dir, packs } = objectsDirectory();
  let hasRoom = false;
  const objects = new LocalObjects(dir, undefined, () => hasRoom);
  for (let batch = 0; batch < 80; batch++) await objects.put([blob(`${batch}`)]);
  expect(packs()).toHaveLength(80);
  hasRoom = true;
  await objects.put([blob("more")]);
  await objects.close();
  expect(packs().length).toBeLessThan(40);
});

test("what is being written has names that git does not read as a pack's", async () => {
  const { dir } = objectsDirectory();
  const objects = new LocalObjects(dir);
  const seen = new Set<string>();
  const watcher = watch(`${dir}/pack`, (_event, name) => void seen.add(String(name)));
  for (let batch = 0; batch < 70; batch++) await objects.put([blob(`${batch}`)]);
  await objects.close();
  expect(await eventually(() => [...seen].some((name) => name.startsWith("tmp_idx_")))).toBe(true);
  watcher.close();
  // Git reads whatever ends in .idx, and its pack.
  const readByGit = [...seen].filter((name) => /\.(idx|pack)$/.test(name) && !name.startsWith("pack-"));
  expect(readByGit).toEqual([]);
});

test("objects of every size are read whole however little they compress, and what does not inflate is damage", async () => {
  const { dir, packs } = objectsDirectory();
  const objects = new LocalObjects(dir);
  const sizes = [
    0, 1, 300, 400, 440, 441, 442, 443, 444, 445, 446, 447, 448, 480, 511, 512, 513, 5000, 300_000,
  ];
  // Bytes of 144 and more take nine bits where they are written without a table.
  const all = sizes.flatMap((size) =>
    [randomBytes(size), randomBytes(size).map((byte) => byte | 0x90)].map((body) => nameObject("blob", body)),
  );
  await objects.put(all);
  for (const { id, body } of all)
    expect(Buffer.from((await objects.get(id))?.body ?? []).equals(body)).toBe(true);
  await objects.close();
  const [pack = ""] = packs();
  const bytes = await Bun.file(`${dir}/pack/${pack}`).bytes();
  writeFileSync(`${dir}/pack/${pack}`, bytes.fill(0xff, bytes.length - 20_000, bytes.length - 32));
  const damaged = new LocalObjects(dir);
  await expect(damaged.get(all.at(-1)?.id ?? blob("").id)).rejects.toThrow("does not inflate");
  await damaged.close();
});

test("packs that were merged into a large one before a crash are removed, and no others", async () => {
  const { dir, packs } = objectsDirectory();
  const many = Array.from({ length: 33_000 }, (_, i) => blob(`object ${i}`));
  const write = async (batch: readonly NamedObject[]) => {
    const { packs: own, dir: aside } = objectsDirectory();
    const objects = new LocalObjects(aside);
    await objects.put(batch);
    await objects.close();
    const [pack = ""] = own();
    for (const name of [pack, pack.replace(/\.pack$/, ".idx")])
      copyFileSync(`${aside}/pack/${name}`, `${dir}/pack/${name}`);
    return pack;
  };
  const merged = [
    await write(many.slice(0, -1)),
    await write(many.slice(100)),
    await write(many.slice(5, 40)),
    await write(many.slice(7, 8)),
  ];
  const kept = [
    await write(many),
    await write([...many.slice(1), blob("elsewhere")]),
    await write([...many.slice(0, 9), blob("small")]),
  ];
  expect(packs().sort()).toEqual([...merged, ...kept].sort());
  // Old enough that no stock git is about to read what was merged into it.
  for (const pack of kept) utimesSync(`${dir}/pack/${pack.replace(/\.pack$/, ".idx")}`, 0, 0);
  const objects = new LocalObjects(dir);
  await objects.put([blob("later")]);
  expect(await eventually(() => packs().length === kept.length + 1)).toBe(true);
  expect(packs().filter((pack) => !kept.includes(pack))).toHaveLength(1);
  await expectAll(
    objects,
    many.filter((_, i) => i % 500 === 0),
  );
  await objects.close();
  expect(packs()).toEqual(expect.arrayContaining(kept));
});
