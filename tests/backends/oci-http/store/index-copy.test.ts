import { expect, test } from "bun:test";
import { tagPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { HISTORY_COPY } from "../../../../src/backends/oci-http/history/history-database.ts";
import { HistoryIndex } from "../../../../src/backends/oci-http/history/history-index.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { S3Location } from "../../../../src/primitives/s3/s3-location.ts";
import { storePath } from "../../../../src/primitives/store/commits/store-path.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import type { Tag } from "../../../../src/registry/model/tag.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP } from "../../../support/oci-store.ts";
import { sharedS3Server } from "../../../support/s3-server.ts";
import { storesOnNode } from "../../../support/s3-stores.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { describeWith } from "../../../support/tools.ts";

const STORE = "test" as StoreName;

async function openNode(location: S3Location) {
  const node = storesOnNode(location);
  const oci = await OciStore.open(node.stores, STORE);
  afterThisTest(() => oci.close());
  return { ...node, oci };
}

/** Makes a commit for each tag. */
async function tagAll({ oci }: { oci: OciStore }, from: number, count: number): Promise<void> {
  const author = { name: "alice", email: "alice@everlock" };
  await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const tag = `v${from + i}` as Tag;
      const content = Buffer.from(`${digestOf(Buffer.from(tag))}\n`);
      return oci.store.write(storePath(tagPath(APP, tag)), content, { author, message: `tag ${tag}` });
    }),
  );
}

describeWith(["versitygw"], "the index of a node that starts with an empty disk", () => {
  const bucket = sharedS3Server();

  test("and its history begin with copies in the object store, and are the same as those made of the commits", async () => {
    const location = bucket();
    const first = await openNode(location);
    const log = await first.engine.openLog(STORE);
    for (let i = 0; i < 300; i++) await tagAll(first, i, 1);
    await tagAll(first, 300, 200);
    await log.merge();
    // A history that was not read yet is not copied.
    await first.engine.copies.save(STORE, log, () => undefined);
    expect(await log.fetchCopy(HISTORY_COPY, `${temporaryDirectory()}/history.sqlite`)).toBe(false);
    await first.oci.history.catchUp();
    // Commits go on while the file is copied.
    const going = tagAll(first, 500, 100);
    await first.engine.copies.save(STORE, log, () => undefined);
    await going;
    const second = await openNode(location);
    expect(second.logged).toContain(
      `the index of the store '${STORE}' begins with the copy in the object store`,
    );
    expect(second.oci.derived.head).toBe(second.oci.store.head().commitId);
    expect(second.oci.derived.dump(APP)).toBe(first.oci.derived.dump(APP));
    await second.oci.history.catchUp();
    await first.oci.history.catchUp();
    expect(second.oci.history.content).toBe(first.oci.history.content);
    const copied = `${temporaryDirectory()}/history.sqlite`;
    expect(await log.fetchCopy(HISTORY_COPY, copied)).toBe(true);
    expect(new HistoryIndex(copied, second.oci.store).head).toBeDefined();
    await tagAll(second, 600, 10);
    await first.oci.store.refresh();
    expect(first.oci.derived.dump(APP)).toBe(second.oci.derived.dump(APP));
  }, 30_000);
});
