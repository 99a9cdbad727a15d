import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { parseCleanupRule } from "../../../../src/backends/oci-http/policy/cleanup-rules.ts";
import { findLost } from "../../../../src/backends/oci-http/store/index-auditor.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { applyCleanupRules } from "../../../../src/backends/oci-http/upkeep/cleanup.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const repository = "team/app" as RepositoryName;
const actor = { identity: { name: "alice", email: "alice@everlock" }, client: "test", remote: "::1" };
const layer = digestOf(Buffer.from("layer"));

function image(n: number) {
  const descriptor = (digest: string) => ({ mediaType: "application/octet-stream", digest, size: 5 });
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: descriptor(layer),
      layers: [],
      subject: descriptor(digestOf(Buffer.from("signed"))),
      annotations: { n: String(n) },
    }),
  );
  return pushedManifest(content);
}

async function openStore() {
  const oci = await OciStore.open(localStores(temporaryDirectory(), consoleLogger), "test" as StoreName);
  afterThisTest(() => oci.close());
  const push = (n: number) =>
    oci.changes.putManifest(actor, { repository, ...image(n), tags: [`v${n}` as Tag], immutable: [] });
  for (let n = 0; n < 5; n++) await push(n);
  const lose = (sql: string) => {
    const db = new Database(oci.location.indexPath);
    db.run(sql);
    db.close();
  };
  return { oci, push, lose };
}

const always = async () => true;

test("an audit finds nothing lost in an index that matches the commits", async () => {
  const { oci } = await openStore();
  let files = 0;
  const step = async () => {
    files++;
    return true;
  };
  expect(await findLost(oci, step)).toBeUndefined();
  expect(files).toBe(10);
});

test.each([
  ["DELETE FROM tags WHERE tag = 'v3'", "the tag team/app:v3"],
  [
    `DELETE FROM manifests WHERE hex(digest) = '${image(2).digest.slice(7).toUpperCase()}'`,
    `the manifest team/app@${image(2).digest}`,
  ],
  ["DELETE FROM manifest_blobs", `names ${layer}`],
  ["DELETE FROM referrers", "refers to"],
])("what an index has lost is found: %s", async (sql, lost) => {
  const { oci, lose } = await openStore();
  lose(sql);
  expect(await findLost(oci, always)).toContain(lost);
});

test("an audit of one repository finds only what that repository has lost", async () => {
  const { oci, lose } = await openStore();
  const other = "team/app2" as RepositoryName;
  await oci.changes.putManifest(actor, {
    repository: other,
    ...image(0),
    tags: ["v0" as Tag],
    immutable: [],
  });
  lose("DELETE FROM tags WHERE tag = 'v3'");
  expect(await findLost(oci, always, other)).toBeUndefined();
  expect(await findLost(oci, always, repository)).toBe("the tag team/app:v3");
});

test("a cleanup rule deletes nothing if the index has lost a tag", async () => {
  const { oci, lose } = await openStore();
  lose("DELETE FROM tags WHERE tag IN ('v3', 'v4')");
  const [rule] = [parseCleanupRule("**,newest=1,untagged=1d")];
  if (!rule) throw new Error("no rule");
  const run = {
    isDryRun: false,
    isScheduled: true,
    signal: new AbortController().signal,
    progress: () => undefined,
    report: () => undefined,
  };
  const later = () => Date.now() + 3 * 24 * 60 * 60 * 1000;
  const before = oci.store.head().commitId;
  expect(await applyCleanupRules(oci, [rule], run, later)).toMatchObject({ tags: 0, manifests: 0 });
  expect(oci.store.head().commitId).toBe(before);
});

test("an audit does not report tags pushed or deleted while it runs", async () => {
  const { oci, push } = await openStore();
  let n = 0;
  const busily = async () => {
    await push(10 + n);
    await oci.changes.deleteManifest(actor, repository, { kind: "tag", tag: `v${n++}` as Tag });
    return true;
  };
  expect(await findLost(oci, busily)).toBeUndefined();
});

test("an audit ends when its step returns false", async () => {
  const { oci, lose } = await openStore();
  lose("DELETE FROM tags");
  expect(await findLost(oci, async () => false)).toBeUndefined();
});
