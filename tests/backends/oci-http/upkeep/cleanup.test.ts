import { describe, expect, test } from "bun:test";
import { manifestPath, tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { planRestore, restore } from "../../../../src/backends/oci-http/operations/restore-plan.ts";
import { parseCleanupRule } from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import { applyCleanupRules } from "../../../../src/backends/oci-http/upkeep/cleanup.ts";
import { type Digest, digestHex } from "../../../../src/primitives/digest.ts";
import { SYSTEM_IDENTITY } from "../../../../src/primitives/store/commits/commit-group.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { ALICE, APP, type Descriptor, jobRun, TestStore } from "../../../support/oci-store.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Applies a rule as it would be so many days later, and answers what went. */
async function apply({ oci }: TestStore, text: string, days = 0, run = jobRun()): Promise<readonly string[]> {
  const rule = parseCleanupRule(text);
  if (!rule) throw new Error(`'${text}' is no rule`);
  const { lines } = await applyCleanupRules(oci, [rule], run, () => Date.now() + days * DAY_MS);
  return lines.toSorted();
}

const signatureOf = ({ digest }: Descriptor, suffix = ".sig") => `sha256-${digestHex(digest)}${suffix}`;
const tagged = (...tags: string[]) => tags.map((tag) => `${APP}:${tag}`).toSorted();
const byDigest = (...manifests: Descriptor[]) => manifests.map(({ digest }) => `${APP}@${digest}`).toSorted();

describe("a cleanup rule for the newest tags", () => {
  test("keeps those that were pushed last, also within one second", async () => {
    const store = await TestStore.open();
    for (const tag of ["nb-4", "nb-2", "nb-3", "nb-1"]) await store.image(tag);
    expect(await apply(store, "**,newest=1")).toEqual(tagged("nb-2", "nb-3", "nb-4"));
    expect(store.tags()).toEqual(["nb-1"]);
  });

  test("counts a tag that was pushed again as the newest", async () => {
    const store = await TestStore.open();
    for (const tag of ["a", "b", "c", "a"]) await store.image(tag);
    expect(await apply(store, "**,newest=2")).toEqual(tagged("b"));
  });

  test("keeps the order of tags across a restore that sets all of them in one commit", async () => {
    const store = await TestStore.open();
    for (const tag of ["c", "a", "b"]) await store.image(tag);
    const then = store.oci.store.head().commitId ?? raise();
    for (const tag of ["b", "c", "a"]) await store.delete(tag);
    const plan = await planRestore(store.oci, APP, undefined, then);
    await restore(store.oci, plan, ALICE, () => ({ immutable: [], isSparse: false }));
    expect(store.tags()).toEqual(["a", "b", "c"]);
    expect(await apply(store, "**,newest=1")).toEqual(tagged("a", "c"));
  });

  test("counts the highest version as the newest of tags that one commit set", async () => {
    const store = await TestStore.open();
    const { digest } = await store.image([]);
    const changes = ["v1.2", "v1.10", "v1.9"].map((tag) => ({
      path: tagPath(APP, tag as Tag),
      content: Buffer.from(`${digest}\n`),
    }));
    await store.oci.store.commit(changes, { author: SYSTEM_IDENTITY, message: "import" });
    expect(await apply(store, "**,newest=1")).toEqual(tagged("v1.2", "v1.9"));
    await store.image("v1.1");
    expect(await apply(store, "**,newest=1")).toEqual(tagged("v1.10"));
  });

  test("counts an imported tag by the time when it was pushed elsewhere, also behind what was pushed here before", async () => {
    const store = await TestStore.open();
    const now = Math.floor(Date.now() / 1000);
    const importedAt = (tag: string, made: number | undefined) =>
      store.image(tag, { imported: { source: "old", made } });
    await importedAt("middle", now - 2000);
    await importedAt("old", now - 3000);
    await importedAt("young", now - 1000);
    await store.image("here");
    await importedAt("older", now - 4000);
    await importedAt("undated", undefined);
    expect(await apply(store, "**,newest=4")).toEqual(tagged("old", "older"));
    expect(await apply(store, "**,newest=2")).toEqual(tagged("middle", "young"));
    expect(await apply(store, "**,newest=1")).toEqual(tagged("here"));
  });

  test("does not count tags that match its patterns", async () => {
    const store = await TestStore.open();
    for (const tag of ["a", "b", "v1", "v2", "v3"]) await store.image(tag);
    expect(await apply(store, "**,newest=1,keep=v*")).toEqual(tagged("a"));
    expect(store.tags()).toEqual(["b", "v1", "v2", "v3"]);
  });

  test("keeps a tag that is pushed while it is applied, and deletes nothing by an outdated plan", async () => {
    const store = await TestStore.open();
    const [a] = [await store.image("a"), await store.image("b"), await store.image("c")];
    const { transact } = store.oci.store;
    let isFirst = true;
    store.oci.store.transact = async (prepare) => {
      if (isFirst) {
        isFirst = false;
        // The oldest gets a new tag, and is the newest from then on.
        await store.oci.changes.putManifest(ALICE, {
          repository: APP,
          ...pushedManifest(store.oci.index.manifest(APP, a.digest)?.content ?? raise()),
          tags: ["d" as Tag],
          immutable: [],
        });
        await store.delete("c");
      }
      return transact.call(store.oci.store, prepare);
    };
    expect(await apply(store, "**,newest=2")).toEqual(tagged("a"));
    expect(store.tags()).toEqual(["b", "d"]);
  });
});

describe("a signature, attestation or SBOM of an image", () => {
  test("does not count as one of the newest tags, and is kept and deleted with its image", async () => {
    const store = await TestStore.open();
    const [old, kept] = [await store.image("old"), await store.image("v1.0")];
    for (const image of [old, kept]) {
      for (const suffix of [".sig", ".att", ".sbom", ""]) await store.image(signatureOf(image, suffix));
    }
    const young = await store.image("young");
    await store.image(signatureOf(young));
    expect(await apply(store, "**,newest=2")).toEqual(
      tagged("old", ...[".sig", ".att", ".sbom", ""].map((suffix) => signatureOf(old, suffix))),
    );
    expect(store.tags()).toContain(signatureOf(kept));
    expect(await apply(store, "**,newest=1,keep=v*")).toEqual([]);
    expect(await apply(store, "**,newest=0,keep=v*")).toEqual(tagged("young", signatureOf(young)));
    expect(store.tags()).toContain(signatureOf(kept, ".att"));
  });

  test("is kept while another tag or an index leads to its image", async () => {
    const store = await TestStore.open();
    const child = await store.image("amd64");
    await store.image(signatureOf(child));
    await store.index("v1", [child]);
    expect(await apply(store, "**,newest=1")).toEqual(tagged("amd64"));
    expect(store.tags()).toContain(signatureOf(child));
  });

  test("is deleted with its subject, tagged or not, and so are its own signatures", async () => {
    const store = await TestStore.open();
    const image = await store.image("old");
    const sbom = await store.image("sbom-of-old", { subject: image });
    await store.image(signatureOf(sbom));
    await store.image("young");
    expect(await apply(store, "**,newest=1")).toEqual(tagged("old", "sbom-of-old", signatureOf(sbom)));
  });

  test("is deleted once its image was deleted, and kept if its image never existed here", async () => {
    const store = await TestStore.open();
    const image = await store.image("v1");
    await store.image(signatureOf(image));
    await store.image(`sha256-${"0".repeat(64)}.sig`);
    await store.delete(image);
    expect(await apply(store, "**,newest=5")).toEqual(tagged(signatureOf(image)));
  });
});

describe("manifests without a tag", () => {
  test("are deleted after the time of their rule, with their children and referrers", async () => {
    const store = await TestStore.open();
    const child = await store.image([]);
    const index = await store.index("v1", [child]);
    const referrer = await store.image([], { subject: index });
    const signature = await store.image(signatureOf(index));
    await store.delete("v1");
    expect(await apply(store, "**,untagged=7d", 6)).toEqual([]);
    expect(await apply(store, "**,untagged=7d", 8, jobRun({ isDryRun: true }))).toHaveLength(4);
    expect(await apply(store, "**,untagged=7d", 8)).toEqual(
      [...byDigest(child, index, referrer), ...tagged(signatureOf(index))].toSorted(),
    );
    expect(store.oci.index.manifestsOf(APP)).toEqual([signature.digest]);
  });

  test("are kept while an index, a tag or their subject needs them", async () => {
    const store = await TestStore.open();
    const child = await store.image([]);
    const index = await store.index("v1", [child]);
    await store.image([], { subject: index });
    await store.image([], { subject: child });
    expect(await apply(store, "**,untagged=1d", 30)).toEqual([]);
  });

  test("that stock git committed count from their commit on", async () => {
    const store = await TestStore.open();
    const { digest } = await store.image("v1");
    const content = Buffer.from(store.oci.index.manifest(APP, digest)?.content ?? raise());
    await store.delete({ digest } as Descriptor);
    const path = manifestPath(APP, digest as Digest);
    await store.oci.store.commit([{ path, content }], { author: SYSTEM_IDENTITY, message: "back" });
    expect(await apply(store, "**,untagged=7d", 6)).toEqual([]);
    expect(await apply(store, "**,untagged=7d", 8)).toHaveLength(1);
  });
});

function raise(): never {
  throw new Error("it is not there");
}
