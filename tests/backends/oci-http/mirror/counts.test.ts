import { expect, test } from "bun:test";
import { MirrorView } from "../../../../src/backends/oci-http/mirror/mirror-view.ts";
import { bytesOf, testMirror } from "../../../support/mirror.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

test("what a mirror fetched, served without upstream and was refused is counted", async () => {
  const { oci } = await TestStore.open();
  const { upstream, mirrors, config, tag, storage } = testMirror(oci, { check: "always" as never });
  const { layer } = upstream.image("demo", 100_000);
  await tag("demo");
  await tag("demo");
  await bytesOf(await storage().blob(APP, layer));
  while (mirrors.underWay > 0) await Bun.sleep(1);
  upstream.failure = { kind: "limited", retryAfterMs: 1000, reason: "slower" };
  await tag("demo");
  const view = new MirrorView(config, mirrors);
  await storage({ view }).blob(APP, layer);
  view.tellHits();
  const [record] = mirrors.list();
  expect(record).toMatchObject({ registry: config.name, upstream: upstream.url });
  expect(record?.counts).toMatchObject({ manifests: 1, blobs: 1, moved: 1, unchanged: 1, hits: 1 });
  expect(record?.counts.bytes).toBeGreaterThan(100_000);
  expect(record?.counts.failures).toMatchObject({ limited: 1, unavailable: 0 });
});
