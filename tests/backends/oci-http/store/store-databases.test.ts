import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { manifestPath } from "../../../../src/backends/oci-http/content/layout.ts";
import { StoreDatabases } from "../../../../src/backends/oci-http/store/store-databases.ts";
import { digestOf } from "../../../../src/primitives/digest.ts";
import { ScopeClock, type ScopeEvent } from "../../../../src/primitives/store/index/scope-clock.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { APP } from "../../../support/oci-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const NAME = "everlock-oci-test" as StoreName;
const layer = digestOf(Buffer.from("layer"));
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function open() {
  const manager = localStores(temporaryDirectory(), SILENT);
  const dir = await manager.create(NAME);
  const clock = new ScopeClock();
  const databases = await StoreDatabases.open({ dir, store: NAME, clock, log: SILENT }, manager);
  afterThisTest(async () => {
    await databases.store.close();
    await databases.close();
  });
  return { dir, clock, databases };
}

test("the clock of a repository moves when its links change", async () => {
  const { clock, databases } = await open();
  const time = (event: ScopeEvent) => clock.read(clock.slotOf(APP, event));
  await databases.links.add(APP, layer);
  expect([time("change"), time("removal")]).toEqual([1, 0]);
  await databases.links.remove(APP, layer);
  expect([time("change"), time("removal")]).toEqual([2, 1]);
});

test("links that replace damaged ones have the blobs of manifests that came after the index was replaced", async () => {
  const { dir, databases } = await open();
  const { signal } = new AbortController();
  await databases.replace({ reason: "unknown", path: `${dir}/index.sqlite` }, signal);
  const content = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: layer, size: 5 },
      layers: [],
    }),
  );
  const author = { name: "alice", email: "alice@everlock" };
  await databases.store.commit([{ path: manifestPath(APP, digestOf(content)), content }], {
    author,
    message: "push",
  });
  await databases.links.add("other", layer);
  using db = new Database(`${dir}/links.sqlite`, { readwrite: true });
  db.run("UPDATE blob_links SET linked_at = 1");
  await databases.replace({ reason: "unknown", path: `${dir}/links.sqlite` }, signal);
  expect([await databases.links.has(APP, layer), await databases.links.has("other", layer)]).toEqual([
    true,
    false,
  ]);
});
