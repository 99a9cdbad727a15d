import { expect, test } from "bun:test";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
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

test("deleting a manifest deletes the tags that are being set on it at the same time, and no others", async () => {
  const oci = await OciStore.open(
    localStores(temporaryDirectory(), consoleLogger),
    "everlock-oci-test" as StoreName,
  );
  afterThisTest(() => oci.close());
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
