import { describe, expect, test } from "bun:test";
import type { TagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { parseSyncRule } from "../../../../src/backends/oci-http/policy/sync-rules.ts";
import type { InstanceValues } from "../../../../src/backends/oci-http/settings/instance-settings.ts";
import { syncJob } from "../../../../src/backends/oci-http/sync/sync-job.ts";
import { type Digest, digestHex, digestOf } from "../../../../src/primitives/digest.ts";
import { IncompleteJobError, type JobReport } from "../../../../src/primitives/jobs/job-runner.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { brokenOff } from "../../../support/fake-upstream.ts";
import { hasBlob, testMirror } from "../../../support/mirror.ts";
import { APP, jobRun, TestStore } from "../../../support/oci-store.ts";

const NOTATION = "application/vnd.cncf.notary.signature";

async function open(rules: string, settings: Partial<InstanceValues> = {}) {
  const store = await TestStore.open();
  const sync = rules.split(";").map((text) => {
    const rule = parseSyncRule(`${APP},${text}`);
    if (!rule) throw new Error(`'${text}' is no rule`);
    return rule;
  });
  const mirror = testMirror(store.oci, { ...settings, sync });
  const registries = { list: () => [mirror.config], storeOf: () => store.oci, mirrors: mirror.mirrors };
  const job = syncJob(registries);
  /** Runs the job, and resolves with the lines of its report, the summary last. */
  const run = async (options: Parameters<typeof jobRun>[0] = {}): Promise<string[]> => {
    const lines: string[] = [];
    const report = ({ summary, details }: JobReport) => void lines.push(...details, summary);
    await job.run(jobRun({ isScheduled: false, report, ...options })).catch((error) => {
      if (!(error instanceof IncompleteJobError)) throw error;
    });
    return lines;
  };
  const events = () => Array.fromAsync(store.oci.history.events());
  return { store, job, run, events, ...mirror };
}

type Opened = Awaited<ReturnType<typeof open>>;

const digestAt = ({ store }: Opened, tag: string) => store.oci.index.tagDigest(APP, tag as Tag);
const signatureTag = (digest: Digest) => `sha256-${digestHex(digest)}.sig`;

describe("a planned copy", () => {
  test("fetches the tags of its rule with their blobs, and makes one commit of the system for each", async () => {
    const opened = await open("3.*");
    const { upstream, run, events, store } = opened;
    const [first, second] = [upstream.image("3.1"), upstream.image("3.2")];
    upstream.image("latest");
    expect(await run()).toEqual([
      "team/app:3.1 copied",
      "team/app:3.2 copied",
      expect.stringMatching(/^2 tags copied, 0 deleted, 0 unchanged; .* fetched$/),
    ]);
    expect(store.tags()).toEqual(["3.1", "3.2"]);
    for (const image of [first, second]) {
      expect(await hasBlob(store.oci, image.layer)).toBe(true);
      expect(await hasBlob(store.oci, image.config)).toBe(true);
    }
    const all = await events();
    expect(all.map(({ subject, user, client }) => `${subject} by ${user}, ${client}`).toSorted()).toEqual(
      ["3.1", "3.2"].map((tag) => `mirror team/app:${tag} by Everlock System, sync`),
    );
  });

  test("says of a rule that it means none of upstream's tags", async () => {
    const { upstream, run } = await open("3.*");
    upstream.image("4.1");
    expect(await run()).toEqual([
      "sync=team/app,3.*,every=1d names no tag that upstream has (1 tag)",
      "0 tags copied, 0 deleted, 0 unchanged; 0 B fetched",
    ]);
  });

  test("moves only what upstream has moved; otherwise it asks by HEAD and fetches nothing", async () => {
    const opened = await open("*");
    const { upstream, run } = opened;
    upstream.image("a");
    upstream.image("b");
    await run();
    const { digest } = upstream.image("b");
    upstream.asked.length = 0;
    expect((await run())[0]).toBe("team/app:b copied");
    expect(digestAt(opened, "b")).toBe(digest);
    upstream.asked.length = 0;
    expect((await run())[0]).toStartWith("0 tags copied, 0 deleted, 2 unchanged; 0 B");
    expect(upstream.asked.toSorted()).toEqual(["head a", "head b", "referrers", "referrers", "tags"]);
  });

  test("moves a tag only when all of its content is here; what was fetched before an interruption is not fetched again", async () => {
    const opened = await open("*");
    const { upstream, run, store } = opened;
    const image = upstream.image("a", 200_000);
    let left = 1;
    upstream.step = (offset) => {
      if (offset > 0 && left > 0) brokenOff();
    };
    const failing = upstream.openBlob.bind(upstream);
    upstream.openBlob = async (...args) =>
      args[1] === image.layer && left-- > 0 ? { kind: "invalid", reason: "nonsense" } : failing(...args);
    expect(await run()).toContain("failed: team/app:a: nonsense");
    expect(store.tags()).toEqual([]);
    upstream.asked.length = 0;
    expect((await run())[0]).toBe("team/app:a copied");
    expect(upstream.count(`blob ${image.config}@0`)).toBe(0);
    expect(upstream.count(`blob ${image.layer}@0`)).toBe(1);
  });

  test("completes a tag of which a pull has fetched the manifest alone", async () => {
    const { upstream, run, store, tag } = await open("*");
    const image = upstream.image("a");
    await tag("a");
    expect(await hasBlob(store.oci, image.layer)).toBe(false);
    await run();
    expect(await hasBlob(store.oci, image.layer)).toBe(true);
  });

  test("of some platforms keeps the index as it is, and fetches only theirs", async () => {
    const opened = await open("*,platforms=linux/arm64");
    const { upstream, run, store, events } = opened;
    const images = { "linux/amd64": upstream.image(""), "linux/arm64": upstream.image("") };
    const digest = upstream.index("a", images);
    await run();
    expect(digestAt(opened, "a")).toBe(digest);
    expect(store.oci.index.hasManifest(APP, images["linux/arm64"].digest)).toBe(true);
    expect(await hasBlob(store.oci, images["linux/arm64"].layer)).toBe(true);
    expect(store.oci.index.hasManifest(APP, images["linux/amd64"].digest)).toBe(false);
    const all = await events();
    expect(all.length).toBe(1);
    expect(all[0]?.also).toEqual([images["linux/arm64"].digest]);
    expect(store.oci.history.mentionedAt(APP, images["linux/arm64"].digest)).toBeGreaterThan(0);
    // The other platform is fetched when it is pulled.
    expect(
      await opened.storage().manifest(APP, { kind: "digest", digest: images["linux/amd64"].digest }),
    ).toBeDefined();
  });

  test("says of an index that it has none of the platforms, and leaves the tag", async () => {
    const { upstream, run, store } = await open("*,platforms=linux/riscv64");
    upstream.index("a", { "linux/amd64": upstream.image("") });
    expect(await run()).toContain("failed: team/app:a: it has none of the platforms linux/riscv64");
    expect(store.tags()).toEqual([]);
  });

  test("brings signatures along, by subject and by tag, also those that are made later", async () => {
    const opened = await open("v*");
    const { upstream, run, store } = opened;
    const image = upstream.image("v1");
    const sbom = upstream.image("", 10, image.digest, "application/spdx+json");
    const signatureOfSbom = upstream.image("", 10, sbom.digest, NOTATION);
    const tagged = upstream.image(signatureTag(image.digest));
    await run();
    for (const { digest, layer } of [sbom, signatureOfSbom, tagged]) {
      expect(store.oci.index.hasManifest(APP, digest)).toBe(true);
      expect(await hasBlob(store.oci, layer)).toBe(true);
    }
    expect(store.tags()).toEqual([signatureTag(image.digest), "v1"]);
    const later = upstream.image("", 10, image.digest, NOTATION);
    expect((await run())[0]).toBe("team/app:v1 copied");
    expect(store.oci.index.hasManifest(APP, later.digest)).toBe(true);
  });

  test("that is signed-only leaves images without a signature, and takes those that have one by subject or by tag", async () => {
    const { upstream, run, store } = await open("v*,signed-only");
    const [bySubject, byTag] = [upstream.image("v1"), upstream.image("v2")];
    upstream.image("", 10, bySubject.digest, NOTATION);
    upstream.image(signatureTag(byTag.digest));
    const described = upstream.image("v3");
    upstream.image("", 10, described.digest, "application/spdx+json");
    expect(await run()).toContain("team/app:v3 skipped: it has no signature");
    expect(store.tags().filter((tag) => tag.startsWith("v"))).toEqual(["v1", "v2"]);
  });

  test("pauses while upstream limits requests, and says until when", async () => {
    const { upstream, run, store } = await open("*");
    upstream.image("a");
    upstream.failure = { kind: "limited", retryAfterMs: 1000, reason: "fewer requests" };
    const shown: string[] = [];
    const running = run({
      progress: (text) => {
        shown.push(text);
        if (text.includes("paused")) upstream.failure = undefined;
      },
    });
    expect((await running)[0]).toBe("team/app:a copied");
    expect(shown.join("\n")).toMatch(
      /hub: paused until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, as upstream asks/,
    );
    expect(store.tags()).toEqual(["a"]);
  });

  test("that is cancelled while it pauses ends at once", async () => {
    const { upstream, job } = await open("*");
    upstream.failure = { kind: "limited", retryAfterMs: 3_600_000, reason: "fewer requests" };
    const abort = new AbortController();
    const progress = (text: string) => {
      if (text.includes("paused")) abort.abort(new Error("cancelled"));
    };
    const running = job.run(jobRun({ isScheduled: false, signal: abort.signal, progress }));
    expect(await running.catch((error) => error.message)).toBe("cancelled");
  });

  test("in a dry run says what it would do, and asks only by HEAD", async () => {
    const { upstream, run, store } = await open("*");
    upstream.image("a");
    expect((await run({ isDryRun: true }))[0]).toBe("team/app:a would be copied");
    expect(store.tags()).toEqual([]);
    expect(upstream.asked.every((each) => !each.startsWith("get") && !each.startsWith("blob"))).toBe(true);
  });

  test("leaves write-once tags, and as a fallback what a user pushed", async () => {
    const opened = await open("*", { upstreamMode: "fallback", immutable: ["fixed"] as TagPattern[] });
    const { upstream, run, store } = opened;
    const pushed = await store.image("own");
    upstream.image("own");
    const { digest } = upstream.image("fixed");
    await run();
    upstream.image("fixed");
    const lines = await run();
    expect(lines).toContain("team/app:own skipped: a user has set it here");
    expect(lines).toContain("team/app:fixed skipped: it is write-once, and upstream has moved it");
    expect([digestAt(opened, "own"), digestAt(opened, "fixed")]).toEqual([pushed.digest, digest]);
  });

  test("over a quota fails with the quota's words, and keeps nothing of it", async () => {
    const { upstream, run, store } = await open("*", { repositoryQuota: 10 });
    upstream.image("a");
    expect((await run()).join("\n")).toContain("quota");
    expect(store.tags()).toEqual([]);
  });

  test("goes on after a tag at which upstream fails, and names the failure first", async () => {
    const { upstream, run, store } = await open("*");
    for (const tag of ["a", "b", "c", "d", "e"]) upstream.image(tag);
    const head = upstream.headManifest.bind(upstream);
    upstream.headManifest = async (...args) =>
      args[1].kind === "tag" && args[1].tag === "b" ? { kind: "unavailable", reason: "500" } : head(...args);
    expect((await run())[0]).toBe("failed: team/app:b: 500");
    expect(store.tags()).toEqual(["a", "c", "d", "e"]);
  });

  test("ends where upstream fails three times in a row", async () => {
    const { upstream, run } = await open("*");
    for (let i = 0; i < 20; i++) upstream.image(`v${i}`);
    let asked = 0;
    upstream.headManifest = async () => {
      asked++;
      return { kind: "unavailable", reason: "away" };
    };
    expect((await run()).at(-1)).toContain("3 failed");
    expect(asked).toBeLessThan(8);
  });

  test("of a registry that upstream does not have is a failure", async () => {
    const opened = await open("*");
    opened.upstream.tags = async () => ({ kind: "unknown" }) as never;
    expect(await opened.run()).toContain("failed: team/app: upstream has no repository 'team/app'");
  });
});

describe("what upstream has no more", () => {
  const TAGS = Array.from({ length: 10 }, (_, i) => `v${i}`);
  async function filled(rule: string, settings: Partial<InstanceValues> = {}) {
    const opened = await open(rule, settings);
    const images = TAGS.map((tag) => opened.upstream.image(tag));
    await opened.run();
    return { ...opened, images };
  }

  test("stays, unless the rule deletes it", async () => {
    const { upstream, run, store } = await filled("*");
    upstream.tagged.delete("v0");
    await run();
    expect(store.tags()).toEqual(TAGS);
  });

  test("is deleted with its signature and its manifest, in one commit that names the rule", async () => {
    const { upstream, run, store, images, events } = await filled("*,sync-deletes");
    const [gone] = images;
    const signature = upstream.image(signatureTag(gone?.digest ?? digestOf(Buffer.of())));
    await run();
    for (const [name, digest] of upstream.tagged)
      if (digest === gone?.digest || digest === signature.digest) {
        upstream.tagged.delete(name);
        upstream.manifests.delete(digest);
      }
    const lines = await run();
    expect(lines.filter((line) => line.endsWith(" deleted")).length).toBe(2);
    expect(store.tags()).toEqual(TAGS.slice(1));
    expect(store.oci.index.hasManifest(APP, gone?.digest ?? signature.digest)).toBe(false);
    const [event] = await events();
    expect(event).toMatchObject({ subject: "clean up team/app", user: "Everlock System", client: "sync" });
  });

  test("of which upstream still has the manifest loses its tag alone", async () => {
    const { upstream, run, store, images } = await filled("*,sync-deletes");
    upstream.tagged.delete("v0");
    await run();
    expect(store.tags()).toEqual(TAGS.slice(1));
    expect(images[0] && store.oci.index.hasManifest(APP, images[0].digest)).toBe(true);
  });

  test("is not deleted if that is more than the rule allows, which the report says; the rule may allow it", async () => {
    for (const [rule, left] of [
      ["*,sync-deletes", 10],
      ["*,sync-deletes=50%", 5],
    ] as const) {
      const { upstream, run, store } = await filled(rule);
      for (const tag of TAGS.slice(0, 5)) upstream.tagged.delete(tag);
      const lines = await run();
      expect(store.tags().length).toBe(left);
      if (left === 10)
        expect(lines.join("\n")).toContain(
          "upstream lists 5 of the 10 tags of 'team/app' no more, which is above 20%: nothing is deleted; 'sync-deletes=100%' in the rule allows it",
        );
    }
  });

  test.each(["fails", "lists nothing", "does not know the repository", "still has the tag"])(
    "is not deleted where upstream %s",
    async (how) => {
      const { upstream, run, store } = await filled("*,sync-deletes=100%");
      const kept = new Map(upstream.tagged);
      upstream.tagged.clear();
      if (how === "fails") upstream.failure = { kind: "unavailable", reason: "away" };
      if (how === "does not know the repository") upstream.tags = async () => ({ kind: "unknown" }) as never;
      if (how === "still has the tag") {
        for (const [tag, digest] of kept) upstream.tagged.set(tag, digest);
        upstream.tags = async () => ({ kind: "found", entries: ["v1" as Tag], next: undefined });
      }
      await run();
      expect(store.tags()).toEqual(TAGS);
    },
  );

  test("is not deleted if a user has set it here, or if the rule does not mean it", async () => {
    const { upstream, run, store } = await filled("*,!v1,sync-deletes=100%", { upstreamMode: "fallback" });
    await store.image("own");
    await store.image("v1");
    upstream.tagged.delete("v0");
    await run();
    expect(store.tags()).toEqual(["own", ...TAGS.slice(1)]);
  });
});

describe("the job of planned copies", () => {
  test("is due at once for a new rule, and again when its time is over, also after a restart", async () => {
    const { upstream, job, run, config, store, mirrors } = await open("*,every=6h");
    upstream.image("a");
    expect(job.due?.()?.getTime()).toBe(0);
    await run({ isScheduled: true });
    const again = syncJob({ list: () => [config], storeOf: () => store.oci, mirrors });
    for (const { due } of [job, again])
      expect(Math.abs((due?.()?.getTime() ?? 0) - Date.now() - 6 * 60 * 60 * 1000)).toBeLessThan(10_000);
    upstream.asked.length = 0;
    await run({ isScheduled: true });
    expect(upstream.asked).toEqual([]);
  });

  test("tries a rule that failed again after ten minutes", async () => {
    const { upstream, job, run } = await open("*,every=6h");
    upstream.failure = { kind: "unavailable", reason: "away" };
    expect((await run()).join("\n")).toContain("1 failed");
    expect(Math.abs((job.due?.()?.getTime() ?? 0) - Date.now() - 600_000)).toBeLessThan(10_000);
  });

  test("of a registry without an upstream fails with that reason", async () => {
    const { run } = await open("*", { upstream: undefined });
    expect(await run()).toContain("failed: team/app: the registry has no upstream for it");
  });

  test("leaves a read-only registry alone", async () => {
    const { upstream, run, job } = await open("*", { mode: "read-only" });
    upstream.image("a");
    expect(await run()).toEqual(["left alone: it is read-only"]);
    expect(job.due?.()).toBeUndefined();
  });
});
