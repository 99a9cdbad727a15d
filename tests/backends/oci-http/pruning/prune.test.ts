import { describe, expect, test } from "bun:test";
import { Mirrors } from "../../../../src/backends/oci-http/mirror/mirrors.ts";
import type { TagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { parseSyncRule } from "../../../../src/backends/oci-http/policy/sync-rules.ts";
import { pruneMirror } from "../../../../src/backends/oci-http/pruning/prune.ts";
import { HOUR_MS } from "../../../../src/backends/oci-http/pulls/pull-notes.ts";
import type { InstanceValues } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { collectGarbage } from "../../../../src/backends/oci-http/upkeep/garbage.ts";
import { type Digest, digestHex } from "../../../../src/primitives/digest.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { bytesOf, hasBlob, testMirror } from "../../../support/mirror.ts";
import { APP, jobRun, TestStore } from "../../../support/oci-store.ts";

const DAY_MS = 24 * HOUR_MS;
const KEEP = { keepPulled: (90 * DAY_MS) / 1000 };

async function open(settings: Partial<InstanceValues> = {}) {
  const store = await TestStore.open();
  const mirror = testMirror(store.oci, settings);
  const { storage, upstream, config, mirrors } = mirror;
  /** Makes an image upstream, and pulls it with its blobs. */
  const pulled = async (tag: string, bytes = 1000) => {
    const image = upstream.image(tag, bytes);
    await mirror.tag(tag);
    for (const blob of [image.config, image.layer]) await bytesOf(await storage().blob(APP, blob));
    await store.oci.pulls.refresh();
    return image;
  };
  /** Notes a pull so many days from now. */
  const pullIn = async (days: number, digest: Digest) => {
    const hour = Math.floor((Date.now() + days * DAY_MS) / HOUR_MS);
    store.oci.pulls.times.add([{ repository: APP, digest, hour }]);
    await store.oci.pulls.refresh();
  };
  /** Prunes as it would be so many days from now. */
  const prune = (days: number, isDryRun = false) =>
    pruneMirror(store.oci, {
      config,
      keeping: config,
      graceSeconds: DAY_MS / 1000,
      mirrors,
      run: jobRun({ isDryRun }),
      now: () => Date.now() + days * DAY_MS,
    });
  return { store, pulled, pullIn, prune, ...mirror };
}

const lastEvent = async ({ oci }: TestStore) => (await Array.fromAsync(oci.history.events()))[0];

describe("a mirror with keep-pulled=90d", () => {
  test("deletes what nobody has pulled for longer, in a commit that names the setting, and keeps the rest", async () => {
    const { store, pulled, pullIn, prune } = await open(KEEP);
    const [old, young] = [await pulled("old"), await pulled("young")];
    await pullIn(20, young.digest);
    expect((await prune(80)).lines).toEqual([]);
    const { lines, tags, manifests } = await prune(100);
    expect(lines).toEqual([
      expect.stringMatching(/^team\/app:old \(keep-pulled=90d, last pull \d{4}-\d\d-\d\d\)$/),
    ]);
    expect([tags, manifests]).toEqual([1, 1]);
    expect(store.tags()).toEqual(["young"]);
    expect(store.oci.index.hasManifest(APP, old.digest)).toBe(false);
    expect(await lastEvent(store)).toMatchObject({ subject: "clean up team/app", client: "gc" });
    const { commitId } = store.oci.store.head();
    const { message } = await store.oci.store.commitAt(commitId ?? ("" as never));
    expect(message).toContain("Rule: keep-pulled=90d\n");
  });

  test("fetches what was pruned again when it is pulled", async () => {
    const { store, pulled, prune, tag, storage } = await open(KEEP);
    const image = await pulled("a");
    await prune(100);
    store.oci.recency.clear();
    await collectGarbage(
      store.oci,
      { graceSeconds: 0, retentionSeconds: undefined },
      jobRun(),
      Date.now() + 1000,
    );
    expect(await hasBlob(store.oci, image.layer)).toBe(false);
    expect((await tag("a"))?.digest).toBe(image.digest);
    expect((await bytesOf(await storage().blob(APP, image.layer))).length).toBe(1000);
  });

  test("frees the blobs of what it prunes at once, also where deleted images are kept for ever, but not those of what was deleted", async () => {
    const { store, pulled, prune } = await open(KEEP);
    const [deleted, pruned] = [await pulled("deleted"), await pulled("pruned")];
    await store.delete("deleted");
    await store.delete({ digest: deleted.digest, mediaType: "", size: 0 });
    await prune(100);
    store.oci.recency.clear();
    const report = await collectGarbage(
      store.oci,
      { graceSeconds: 0, retentionSeconds: undefined },
      jobRun(),
      Date.now() + 1000,
    );
    expect(report.problems).toEqual([]);
    expect(await hasBlob(store.oci, deleted.layer)).toBe(true);
    expect(await hasBlob(store.oci, pruned.layer)).toBe(false);
  });

  test("prunes nothing before it has known the pulls of that time", async () => {
    const { store, pulled, prune } = await open(KEEP);
    await pulled("a");
    // As if the image were older than the notes of pulls, whose file was lost.
    expect((await prune(89)).lines).toEqual([]);
    expect(store.tags()).toEqual(["a"]);
  });

  test("in a dry run says what it would prune, and prunes nothing", async () => {
    const { store, pulled, prune } = await open(KEEP);
    await pulled("a");
    expect(await prune(100, true)).toMatchObject({ tags: 1, manifests: 1 });
    expect(store.tags()).toEqual(["a"]);
  });

  test("keeps what upstream has no more, and says so", async () => {
    const { store, pulled, prune, upstream } = await open(KEEP);
    const image = await pulled("a");
    upstream.manifests.delete(image.digest);
    expect((await prune(100)).lines).toEqual([
      "kept: 1 image that upstream has no more; '/oci rm' or a cleanup rule deletes them",
    ]);
    expect(store.tags()).toEqual(["a"]);
  });

  test.each(["denied", "unavailable", "invalid"] as const)(
    "keeps an image that is %s upstream, says so, and goes on with the rest",
    async (kind) => {
      const { store, pulled, prune, upstream } = await open(KEEP);
      const denied = await pulled("a");
      await pulled("b");
      const head = upstream.headManifest.bind(upstream);
      upstream.headManifest = async (...args) =>
        args[1].kind === "digest" && args[1].digest === denied.digest
          ? { kind, reason: "no" }
          : head(...args);
      expect((await prune(100)).lines).toEqual([
        expect.stringContaining("team/app:b (keep-pulled=90d"),
        "kept: 1 image that upstream does not give: no",
      ]);
      expect(store.tags()).toEqual(["a"]);
    },
  );

  test("is not pruned where no upstream is asked, as by a command without a server, and says so", async () => {
    const { store, pulled, config } = await open(KEEP);
    await pulled("a");
    const mirrors = new Mirrors({
      find: () => ({ config, oci: store.oci }),
      openUpstream: undefined,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    const { lines } = await pruneMirror(store.oci, {
      ...{ config, keeping: config, graceSeconds: 0, mirrors, run: jobRun() },
      now: () => Date.now() + 100 * DAY_MS,
    });
    expect(lines).toEqual(["'hub' is not pruned: only a running server asks upstream before it deletes"]);
    expect(store.tags()).toEqual(["a"]);
  });

  test("prunes nothing while upstream limits requests, and says why", async () => {
    const { store, pulled, prune, upstream } = await open(KEEP);
    for (const tag of ["a", "b"]) await pulled(tag);
    upstream.failure = { kind: "limited", reason: "no", retryAfterMs: 60_000 };
    expect((await prune(100)).lines).toEqual([
      "stopped: no: nothing more is pruned of what comes from there",
    ]);
    expect(store.tags()).toEqual(["a", "b"]);
  });

  test("prunes nothing while upstream fails, and soon stops to ask it", async () => {
    const { store, pulled, prune, upstream } = await open(KEEP);
    const tags = ["a", "b", "c"];
    for (const tag of tags) await pulled(tag);
    upstream.failure = { kind: "unavailable", reason: "no" };
    expect((await prune(100)).lines).toEqual([
      "kept: 2 images that upstream does not give: no",
      "stopped: no: nothing more is pruned of what comes from there",
    ]);
    expect(store.tags()).toEqual(tags);
  });

  test("never prunes what somebody has pushed or tagged here", async () => {
    const { store, pulled, prune, upstream, tag } = await open({ ...KEEP, upstreamMode: "fallback" });
    const own = await store.image("own");
    upstream.manifests.set(
      own.digest,
      new Uint8Array(store.oci.index.manifest(APP, own.digest)?.content ?? []),
    );
    upstream.tagged.set("theirs", own.digest);
    await tag("theirs");
    await pulled("a");
    expect((await prune(100)).tags).toBe(1);
    expect(store.tags()).toEqual(["own", "theirs"]);
  });

  test("never prunes write-once tags, nor what a planned copy names", async () => {
    const sync = ["team/app,planned*"].map((text) => parseSyncRule(text) ?? fail());
    const { store, pulled, prune } = await open({ ...KEEP, immutable: ["fixed"] as TagPattern[], sync });
    for (const tag of ["fixed", "planned", "other"]) await pulled(tag);
    await prune(100);
    expect(store.tags()).toEqual(["fixed", "planned"]);
  });

  test("prunes an index with its platforms and signatures as one, by the last pull of any of them", async () => {
    const { store, upstream, tag, storage, pullIn, prune } = await open(KEEP);
    const [arm, amd] = [upstream.image(""), upstream.image("")];
    const digest = upstream.index("a", { "linux/arm64": arm, "linux/amd64": amd });
    const signature = upstream.image(`sha256-${digestHex(digest)}.sig`);
    const sbom = upstream.image("", 10, digest);
    await tag("a");
    await tag(`sha256-${digestHex(digest)}.sig`);
    for (const child of [arm, amd, sbom])
      await storage().manifest(APP, { kind: "digest", digest: child.digest });
    await pullIn(50, arm.digest);
    expect((await prune(100)).tags).toBe(0);
    expect(await prune(150)).toMatchObject({ tags: 2, manifests: 5 });
    for (const each of [digest, arm.digest, amd.digest, sbom.digest, signature.digest])
      expect(store.oci.index.hasManifest(APP, each)).toBe(false);
  });

  test("prunes a manifest that has lost its tag, and keeps the tag's new one", async () => {
    const { store, upstream, pulled, pullIn, prune, tag } = await open({ ...KEEP, check: "always" as never });
    const before = await pulled("a");
    const after = upstream.image("a");
    await tag("a");
    await pullIn(95, after.digest);
    const { lines } = await prune(100);
    expect(lines).toEqual([expect.stringContaining(`team/app@${before.digest} (keep-pulled=90d`)]);
    expect(store.tags()).toEqual(["a"]);
  });
});

describe("a mirror with keep-size", () => {
  test("deletes what was not pulled for the longest time, until the rest fits", async () => {
    const { store, pulled, pullIn, prune } = await open({ keepSize: 250_000 });
    const images = [];
    for (const tag of ["a", "b", "c", "d"]) images.push(await pulled(tag, 100_000));
    const [a, , c] = images;
    if (a) await pullIn(3, a.digest);
    if (c) await pullIn(2, c.digest);
    const { lines } = await prune(4);
    expect(lines.map((line) => line.slice(0, "team/app:b (keep-size=".length))).toEqual([
      "team/app:b (keep-size=",
      "team/app:d (keep-size=",
    ]);
    expect(store.tags()).toEqual(["a", "c"]);
    expect((await prune(4)).lines).toEqual([]);
  });

  test("deletes an image that can never fit, and does not let it displace the others", async () => {
    const { store, pulled, pullIn, prune } = await open({ keepSize: 250_000 });
    for (const tag of ["a", "b"]) await pulled(tag, 100_000);
    const huge = await pulled("huge", 300_000);
    await pullIn(2, huge.digest);
    expect((await prune(4)).lines).toEqual([expect.stringContaining("team/app:huge (keep-size=")]);
    expect(store.tags()).toEqual(["a", "b"]);
  });

  test("keeps what was fetched or pulled within the time of grace, and says how much that is", async () => {
    const { store, pulled, pullIn, prune } = await open({ keepSize: 150_000 });
    const [a] = [await pulled("a", 100_000), await pulled("b", 100_000), await pulled("c", 200_000)];
    const kept = (count: string) => `kept for now: ${count} fetched or pulled within gc-grace`;
    expect((await prune(0)).lines).toEqual([kept("2 images")]);
    await pullIn(4, a.digest);
    expect((await prune(4)).tags).toBe(2);
    expect(store.tags()).toEqual(["a"]);
  });

  test("counts a blob that several images share once, and not what somebody pushed", async () => {
    const { store, pulled, prune } = await open({ keepSize: 250_000, upstreamMode: "fallback" });
    await store.image("own");
    await pulled("a", 200_000);
    expect((await prune(4)).lines).toEqual([]);
    expect(store.tags()).toEqual(["a", "own"] as Tag[]);
  });
});

function fail(): never {
  throw new Error("no rule");
}
