import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import type { Store } from "../../../../src/primitives/store/commits/store.ts";
import { StaleReadError } from "../../../../src/primitives/store/commits/store.ts";
import { parseStorePath, storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import { parseStoreName, type StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { describeWith, must } from "../../../support/tools.ts";

const NAME = "everlock-test" as StoreName;
const meta = (message: string) => ({ author: { name: "alice", email: "alice@everlock" }, message });
const bytes = (text: string) => Buffer.from(text);
const text = (content: Uint8Array | undefined) => content && Buffer.from(content).toString();

async function openStore(
  dataDir = temporaryDirectory(),
): Promise<{ store: Store; dir: string; dataDir: string }> {
  const manager = localStores(dataDir, consoleLogger);
  return { store: await manager.open(NAME), dir: manager.directory(NAME), dataDir };
}

async function paths(store: Store, prefix?: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map((file) => file.path);
}

describe("a store", () => {
  test("reads what was written, and nothing where nothing was", async () => {
    const { store } = await openStore();
    await store.write(storePath("a/b/c.txt"), bytes("one"), meta("first"));
    expect(text(await store.read(storePath("a/b/c.txt")))).toBe("one");
    expect(await store.read(storePath("a/b"))).toBeUndefined();
    expect(await store.read(storePath("a/b/c.txt/d"))).toBeUndefined();
    expect(await store.read(storePath("x"))).toBeUndefined();
    await store.close();
  });

  test("makes one commit of a batch", async () => {
    const { store } = await openStore();
    await store.commit(
      [
        { path: storePath("a"), content: bytes("1") },
        { path: storePath("b/c"), content: bytes("2") },
      ],
      meta("both"),
    );
    expect(await paths(store)).toEqual(["a", "b/c"]);
    expect((await Array.fromAsync(store.history())).map((entry) => entry.commit.message)).toEqual(["both\n"]);
    await store.close();
  });

  test("makes no commit when nothing changes", async () => {
    const { store } = await openStore();
    expect((await store.delete(storePath("a"), meta("nothing"))).changed).toBe(false);
    const first = await store.write(storePath("a"), bytes("1"), meta("one"));
    const again = await store.write(storePath("a"), bytes("1"), meta("again"));
    expect(again).toEqual({ commitId: first.commitId, changed: false });
    await store.delete(storePath("a"), meta("gone"));
    expect((await store.delete(storePath("a"), meta("gone again"))).changed).toBe(false);
    expect(await paths(store)).toEqual([]);
    await store.close();
  });

  test("lists by prefix, whether or not it ends at a directory", async () => {
    const { store } = await openStore();
    const files = ["ab/1", "ab/2", "abc/3", "b/4"];
    await store.commit(
      files.map((path) => ({ path: storePath(path), content: bytes(path) })),
      meta("all"),
    );
    expect(await paths(store, "ab/")).toEqual(["ab/1", "ab/2"]);
    expect(await paths(store, "ab")).toEqual(["ab/1", "ab/2", "abc/3"]);
    expect(await paths(store, "b/4")).toEqual(["b/4"]);
    expect(await paths(store, "c")).toEqual([]);
    await store.close();
  });

  test("keeps every past state and names the commits that changed a path", async () => {
    const { store } = await openStore();
    const one = await store.write(storePath("a"), bytes("1"), meta("one"));
    await store.write(storePath("b"), bytes("x"), meta("other"));
    await store.write(storePath("a"), bytes("2"), meta("two"));
    await store.delete(storePath("a"), meta("gone"));
    const log = await Array.fromAsync(store.history(storePath("a")));
    expect(log.map((entry) => entry.commit.message)).toEqual(["gone\n", "two\n", "one\n"]);
    if (!one.commitId) throw new Error("no commit was made");
    expect(text(await (await store.at(one.commitId)).read(storePath("a")))).toBe("1");
    expect(await store.read(storePath("a"))).toBeUndefined();
    await store.close();
  });

  test("refuses commits once it is closed, and has finished those before", async () => {
    const { store } = await openStore();
    const before = store.write(storePath("a"), bytes("1"), meta("one"));
    const closing = store.close();
    await expect(store.write(storePath("b"), bytes("2"), meta("two"))).rejects.toThrow("is closed");
    expect((await before).changed).toBe(true);
    await closing;
    await expect(store.follow()).rejects.toThrow("is closed");
  });

  test("survives being opened again", async () => {
    const { store, dataDir } = await openStore();
    await store.write(storePath("a"), bytes("1"), meta("one"));
    await store.close();
    const { store: again } = await openStore(dataDir);
    expect(text(await again.read(storePath("a")))).toBe("1");
    await again.close();
  });

  test("groups concurrent commits, each still its own, in the order they came", async () => {
    const { store, dir } = await openStore();
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    await Promise.all(
      numbers.map((i) => store.write(storePath(`f/${i}`), bytes(`${i}`), meta(`commit ${i}`))),
    );
    const log = await Array.fromAsync(store.history());
    expect(log.map((entry) => entry.commit.message)).toEqual(
      numbers.map((i) => `commit ${i}\n`).toReversed(),
    );
    expect(readdirSync(`${dir}/objects/pack`).filter((name) => name.endsWith(".pack")).length).toBeLessThan(
      10,
    );
    await store.close();
  });

  test("refuses a commit whose expectation no longer holds, and lets one of many rivals win", async () => {
    const { store } = await openStore();
    const path = storePath("tag");
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        store.commit([{ path, content: bytes(`${i}`) }], meta(`rival ${i}`), [{ path, fileId: undefined }]),
      ),
    );
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(StaleReadError);
    }
    expect(await Array.fromAsync(store.history())).toHaveLength(1);
    await store.close();
  });

  test("refuses a file where a directory stands and the reverse, without harm to its group", async () => {
    const { store } = await openStore();
    await store.write(storePath("a/b"), bytes("1"), meta("one"));
    const [file, below, fine] = await Promise.allSettled([
      store.write(storePath("a"), bytes("2"), meta("file over directory")),
      store.write(storePath("a/b/c"), bytes("3"), meta("directory over file")),
      store.write(storePath("d"), bytes("4"), meta("fine")),
    ]);
    expect([file?.status, below?.status, fine?.status]).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(await paths(store)).toEqual(["a/b", "d"]);
    await store.close();
  });
});

describe("a store path", () => {
  test.each([
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "a/../b",
    "a/.git/config",
    ".GIT",
    "git~1",
    "a\\b",
    "a\0",
    ".git ",
    "x/.g\u200cit",
  ])("refuses %p", (path) => expect(parseStorePath(path)).toBeUndefined());
  test.each(["a", "a/b.c", ".gitignore", "users/alice.toml", "_tags/v1"])("accepts %p", (path) =>
    expect(String(parseStorePath(path))).toBe(path),
  );
});

describe("a store name", () => {
  test.each(["", "A", "../x", "a/b", ".x", "x.git"])("refuses %p", (name) =>
    expect(parseStoreName(name)).toBeUndefined(),
  );
  test("accepts everlock-oci-local", () =>
    expect(String(parseStoreName("everlock-oci-local"))).toBe("everlock-oci-local"));
});

describeWith(["git"], "stock git", () => {
  const git = (dir: string, ...args: string[]) => must(["git", "-C", dir, ...args]);
  const identity = ["-c", "user.name=carol", "-c", "user.email=carol@example.org"];

  test("checks, logs, shows and clones a store that we wrote", async () => {
    const { store, dir } = await openStore();
    await store.write(
      storePath("users/alice.toml"),
      bytes("name = 'alice'\n"),
      meta("add alice\n\nUser: alice"),
    );
    await store.commit(
      [
        { path: storePath("users/alice.toml"), content: null },
        ...Array.from({ length: 300 }, (_, i) => ({
          path: storePath(`many/${i % 7}/${i}`),
          content: bytes(`n${i}`),
        })),
        { path: storePath("many-"), content: bytes("sorts before many/") },
        { path: storePath("large"), content: Buffer.alloc(100_000, "large") },
      ],
      meta("replace"),
    );
    expect(await git(dir, "fsck", "--strict", "--full")).toBe("");
    expect(await git(dir, "log", "--format=%an|%ae|%cn|%ce|%s")).toBe(
      "alice|alice@everlock|Everlock System|system@everlock|replace\n" +
        "alice|alice@everlock|Everlock System|system@everlock|add alice\n",
    );
    expect(await git(dir, "show", "HEAD:many/3/3")).toBe("n3");
    expect(await git(dir, "log", "--format=%(trailers:key=User,valueonly)", "-1", "HEAD~1")).toBe(
      "alice\n\n",
    );
    const clone = `${temporaryDirectory()}/clone`;
    await must(["git", "clone", "-q", dir, clone]);
    expect(await Bun.file(`${clone}/large`).text()).toHaveLength(100_000);
    await store.close();
  });

  test("may commit to a store, before a restart and while we write", async () => {
    const { store, dir, dataDir } = await openStore();
    await store.write(storePath("a"), bytes("1"), meta("ours"));
    await store.close();
    const clone = `${temporaryDirectory()}/clone`;
    await must(["git", "clone", "-q", dir, clone]);
    const commit = async (file: string, content: string) => {
      await Bun.write(`${clone}/${file}`, content);
      await git(clone, "add", ".");
      await git(clone, ...identity, "commit", "-qm", `theirs ${file}`);
      await git(clone, "push", "-q");
    };
    await commit("b/c", "2");
    const { store: again } = await openStore(dataDir);
    expect(text(await again.read(storePath("b/c")))).toBe("2");
    await commit("d", "3");
    await again.write(storePath("e"), bytes("4"), meta("ours again"));
    expect(await paths(again)).toEqual(["a", "b/c", "d", "e"]);
    expect((await git(dir, "log", "--format=%s")).split("\n")).toEqual([
      "ours again",
      "theirs d",
      "theirs b/c",
      "ours",
      "",
    ]);
    expect(await git(dir, "fsck", "--strict")).toBe("");
    await again.close();
  });

  test("finds a store in order whose small packs we merged", async () => {
    const { store, dir } = await openStore();
    for (let i = 0; i < 200; i++) {
      await store.write(storePath(`files/${i % 16}/${i}`), bytes(`${i}`), meta(`write ${i}`));
    }
    await store.close();
    expect(readdirSync(`${dir}/objects/pack`).length).toBeLessThan(300);
    expect(await git(dir, "fsck", "--strict", "--full")).toBe("");
    expect((await git(dir, "log", "--format=%s")).trim().split("\n")).toHaveLength(200);
    expect(await git(dir, "count-objects", "-v")).toContain("garbage: 0\n");
  });

  test("may pack everything with deltas while we have it open", async () => {
    const { store, dir } = await openStore();
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i} of a file that makes good deltas`);
    for (let i = 0; i < 20; i++) {
      lines[i * 50] = `changed in ${i}`;
      await store.write(storePath("file"), bytes(lines.join("\n")), meta(`version ${i}`));
    }
    await git(dir, "gc", "-q", "--aggressive", "--prune=now");
    expect(readdirSync(`${dir}/objects/pack`).filter((name) => name.endsWith(".pack"))).toHaveLength(1);
    const log = await Array.fromAsync(store.history());
    for (const [i, { id }] of log.toReversed().entries()) {
      expect(text(await (await store.at(id)).read(storePath("file")))).toContain(`changed in ${i}`);
    }
    await store.write(storePath("after"), bytes("gc"), meta("after gc"));
    expect(await git(dir, "fsck", "--strict")).toBe("");
    await store.close();
  });
});
