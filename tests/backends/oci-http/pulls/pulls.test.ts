import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { HOUR_MS, type Pull, PullNotes } from "../../../../src/backends/oci-http/pulls/pull-notes.ts";
import { decodePulls, encodePulls } from "../../../../src/backends/oci-http/pulls/pull-objects.ts";
import { PullTimes } from "../../../../src/backends/oci-http/pulls/pull-times.ts";
import { InstanceStorage } from "../../../../src/backends/oci-http/store/instance-storage.ts";
import { type Digest, digestOf } from "../../../../src/primitives/digest.ts";
import type { SharedNotes } from "../../../../src/primitives/store/engine/shared-notes.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { ALICE, APP, TestStore } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const digest = (text: string): Digest => digestOf(Buffer.from(text));
const hourOf = (date: Date | undefined) => date && Math.floor(date.getTime() / HOUR_MS);

/** The pulls of one node, whose clock stands at this hour. */
function node(shared?: SharedNotes, hour = 1000, dir = temporaryDirectory()) {
  let at = hour;
  const failures: string[] = [];
  const times = new PullTimes({
    path: `${dir}/pulls.sqlite`,
    shared,
    failed: (what) => void failures.push(what),
    now: () => at * HOUR_MS,
  });
  afterThisTest(() => times.close());
  const pull = (text: string) => times.add([{ repository: APP, digest: digest(text), hour: at }]);
  const last = async (text: string) => {
    await times.refresh();
    return hourOf(times.lastPull(APP, digest(text)));
  };
  return {
    ...{ times, failures, dir, pull, last },
    later: (hours: number) => {
      at += hours;
    },
  };
}

/** What nodes share, in memory. */
class MemoryNotes implements SharedNotes {
  readonly notes = new Map<string, Uint8Array<ArrayBuffer>>();
  async add(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.notes.set(crypto.randomUUID(), bytes);
  }
  async names(): Promise<string[]> {
    return [...this.notes.keys()];
  }
  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.notes.get(name);
  }
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.notes.delete(name);
  }
}

describe("a thread that serves", () => {
  test("notes a manifest once an hour, and tells of many early", () => {
    let now = 1000 * HOUR_MS;
    const told: Pull[][] = [];
    const notes = new PullNotes(
      (pulls) => void told.push([...pulls]),
      () => now,
    );
    for (let i = 0; i < 3; i++) notes.note(APP, digest("a"));
    notes.note("other" as RepositoryName, digest("a"));
    notes.flush();
    expect(told.map((pulls) => pulls.length)).toEqual([2]);
    now += HOUR_MS;
    notes.note(APP, digest("a"));
    notes.flush();
    expect(told[1]).toEqual([{ repository: APP, digest: digest("a"), hour: 1001 }]);
    for (let i = 0; i < 20_000; i++) notes.note(APP, digest(String(i)));
    expect(told.length).toBe(3);
    notes.flush();
  });
});

describe("the last pulls of a store", () => {
  test("are kept across a restart, and rise", async () => {
    const first = node();
    first.pull("a");
    await first.times.close();
    const second = node(undefined, 1010, first.dir);
    expect(await second.last("a")).toBe(1000);
    expect(hourOf(second.times.since)).toBe(1000);
    second.pull("a");
    expect(await second.last("a")).toBe(1010);
    expect(await second.last("b")).toBeUndefined();
    expect(hourOf(second.times.lastPullOf(APP))).toBe(1010);
  });

  test("begin again where their file is damaged, with that hour as the first that is known", async () => {
    const { dir } = node();
    writeFileSync(`${dir}/pulls.sqlite`, "no database".repeat(1000));
    const opened = node(undefined, 2000, dir);
    expect(hourOf(opened.times.since)).toBe(2000);
    expect(opened.failures.join("\n")).toContain("was damaged and is begun again");
  });

  test("of nodes count together, also of one that has left", async () => {
    const shared = new MemoryNotes();
    const [first, second] = [node(shared, 1000), node(shared, 1005)];
    first.pull("a");
    second.pull("a");
    second.pull("b");
    await first.times.share();
    await second.times.close();
    expect(await first.last("a")).toBe(1005);
    expect(await first.last("b")).toBe(1005);
    const third = node(shared, 3000);
    expect(await third.last("b")).toBe(1005);
    expect(hourOf(third.times.since)).toBe(1000);
  });

  test("in many notes become few, whoever does that at the same time, and nothing is lost", async () => {
    const shared = new MemoryNotes();
    const nodes = [node(shared), node(shared)];
    for (let i = 0; i < 70; i++) {
      nodes[i % 2]?.pull(`image ${i}`);
      await nodes[i % 2]?.times.share();
    }
    expect(shared.notes.size).toBeGreaterThan(64);
    const { signal } = new AbortController();
    await Promise.all(nodes.map(({ times }) => times.tidy(() => true, signal)));
    expect(shared.notes.size).toBeLessThanOrEqual(2);
    const fresh = node(shared);
    for (let i = 0; i < 70; i++) expect(await fresh.last(`image ${i}`)).toBe(1000);
  });

  test("that could not be shared are shared later", async () => {
    const shared = new MemoryNotes();
    const { add } = shared;
    shared.add = () => Promise.reject(new Error("the object store is away"));
    const first = node(shared);
    first.pull("a");
    await first.times.share();
    expect(first.failures.length).toBe(1);
    shared.add = add;
    await first.times.share();
    expect(await node(shared).last("a")).toBe(1000);
  });

  test("of manifests that are gone are forgotten", async () => {
    const { times, pull, last } = node();
    for (const text of ["a", "b"]) pull(text);
    await times.refresh();
    await times.tidy((each) => each.digest !== digest("a"), new AbortController().signal);
    expect(await last("a")).toBeUndefined();
    expect(await last("b")).toBe(1000);
  });
});

test("notes that nodes share are read back; what is no note is left out", () => {
  const pulls = [{ repository: APP, digest: digest("a"), hour: 5 }];
  expect(decodePulls(encodePulls(3, pulls))).toEqual({ since: 3, pulls });
  expect(decodePulls(new Uint8Array([1, 2, 3]))).toBeUndefined();
  const odd = new Uint8Array(Bun.gzipSync(Buffer.from("since 3\nx y z\n5 ../../etc sha256:ab\n")));
  expect(decodePulls(odd)).toEqual({ since: 3, pulls: [] });
});

test("a pull of a store is noted by tag and by digest, and a miss is not", async () => {
  const store = await TestStore.open();
  const [a, b] = [await store.image("a"), await store.image("b")];
  const storage = new InstanceStorage(store.oci, () => ALICE, {
    immutable: [],
    references: "strict",
  } as never);
  await storage.manifest(APP, { kind: "tag", tag: "a" as Tag });
  await storage.manifest(APP, { kind: "digest", digest: digest("missing") });
  await store.oci.pulls.refresh();
  expect(store.oci.pulls.times.lastPull(APP, a.digest)).toBeDefined();
  expect(store.oci.pulls.times.lastPull(APP, b.digest)).toBeUndefined();
  await storage.manifest(APP, { kind: "digest", digest: b.digest });
  await store.oci.pulls.refresh();
  expect(store.oci.pulls.times.lastPull(APP, b.digest)).toBeDefined();
  expect(existsSync(`${store.dir}/pulls.sqlite`)).toBe(true);
});
