import { expect, test } from "bun:test";
import { parseTagPattern } from "../../../../src/backends/oci-http/policy/immutable-tags.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { Precondition } from "../../../../src/registry/model/precondition.ts";
import type { RepositoryName } from "../../../../src/registry/model/repository-name.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { pushedManifest } from "../../../support/pushed-manifest.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const actor = { identity: { name: "alice", email: "alice@everlock" }, client: "test", remote: "::1" };
const repository = "team/app" as RepositoryName;

function manifest(note: string) {
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [],
      annotations: { note },
    }),
  );
  return pushedManifest(content);
}

async function openStore(): Promise<OciStore> {
  const oci = await OciStore.open(
    localStores(temporaryDirectory(), consoleLogger),
    "everlock-oci-test" as StoreName,
  );
  afterThisTest(() => oci.close());
  return oci;
}

test("a push whose precondition does not hold says so before a write-once tag refuses it", async () => {
  const oci = await openStore();
  const [old, fresh] = [manifest("old"), manifest("fresh")];
  const immutable = [parseTagPattern("v*")].flatMap((pattern) => pattern ?? []);
  const push = (pushed: typeof old, precondition: Precondition) =>
    oci.changes.putManifest(actor, { repository, ...pushed, tags: ["v1" as Tag], immutable, precondition });
  const unmet = { kind: "unmet", reference: { kind: "tag", tag: "v1" as Tag }, current: old.digest } as const;
  expect(await push(old, { noneMatch: "*" })).toEqual({ kind: "stored" });
  expect(await push(fresh, { noneMatch: "*" })).toEqual(unmet);
  expect(await push(fresh, { match: new Set([fresh.digest]) })).toEqual(unmet);
  expect(await push(fresh, { match: new Set([old.digest]) })).toMatchObject({ kind: "immutable" });
  expect(oci.index.tagDigest(repository, "v1" as Tag)).toBe(old.digest);
});

test("deleting a manifest deletes the tags that are being set on it at the same time, and no others", async () => {
  const oci = await openStore();
  const [wrong, right] = [manifest("wrong"), manifest("right")];
  const push = (pushed: typeof wrong, tag: string) =>
    oci.changes.putManifest(actor, { repository, ...pushed, tags: [tag as Tag], immutable: [] });
  await push(wrong, "known");
  const pushes = [push(wrong, "new"), push(right, "other"), push(wrong, "moved"), push(right, "moved")];
  const deleted = oci.changes.deleteManifest(actor, repository, { kind: "digest", digest: wrong.digest });
  await Promise.all(pushes);
  expect(await deleted).toEqual({ kind: "deleted" });
  expect(oci.index.hasManifest(repository, wrong.digest)).toBe(false);
  expect(oci.index.tags(repository, "", 10).map(String)).toEqual(["moved", "other"]);
});
