import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import type { CheckInterval } from "../../../../src/backends/oci-http/settings/upstream-values.ts";
import { OciStore } from "../../../../src/backends/oci-http/store/oci-store.ts";
import type { Digest } from "../../../../src/primitives/digest.ts";
import { consoleLogger } from "../../../../src/primitives/logging/logger.ts";
import { StoreManager, type StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { brokenOff, falsify } from "../../../support/fake-upstream.ts";
import { MemoryEngine } from "../../../support/memory-engine/memory-engine.ts";
import { bytesOf, hasBlob, testMirror } from "../../../support/mirror.ts";
import { APP, TestStore } from "../../../support/oci-store.ts";

const SIZE = 1_000_000;
const NEVER = { check: "never" as CheckInterval };

/** A store whose engine has files that clients can read meanwhile, and one whose engine has none. */
const STORES: Readonly<Record<string, () => Promise<OciStore>>> = {
  "with files": async () => (await TestStore.open()).oci,
  "without files": async () => {
    const engine = new MemoryEngine(new Map());
    const location = { kind: "local", dataDir: engine.derivedDirectory() } as const;
    const oci = await OciStore.open(new StoreManager(location, engine, consoleLogger), "test" as StoreName);
    afterThisTest(() => oci.close());
    return oci;
  },
};

describe.each(Object.keys(STORES))("in a store %s", (kind) => {
  async function open() {
    const oci = await (STORES[kind]?.() ?? Promise.reject(new Error(kind)));
    const mirror = testMirror(oci, NEVER);
    const image = mirror.upstream.image("demo", SIZE);
    await mirror.tag("demo");
    mirror.upstream.asked.length = 0;
    const layer = () => mirror.storage().blob(APP, image.layer);
    const bytes = mirror.upstream.blobs.get(image.layer) ?? new Uint8Array();
    return { oci, ...mirror, image, layer, bytes };
  }

  /** Waits until no fetch is under way. */
  async function settled({ mirrors }: Pick<Awaited<ReturnType<typeof open>>, "mirrors">) {
    while (mirrors.underWay > 0) await Bun.sleep(1);
  }

  test("a blob is served as it arrives, and then kept as a blob of the repository", async () => {
    const { oci, upstream, layer, bytes, image, mirrors } = await open();
    const rest = Promise.withResolvers<void>();
    upstream.step = (at) => (at >= 700_000 ? rest.promise : undefined);
    const blob = await layer();
    if (typeof blob?.content !== "function") throw new Error("the blob is no stream");
    expect(blob.size).toBe(SIZE);
    const reader = blob.content().getReader();
    const first = await reader.read();
    expect(first.value).toEqual(new Uint8Array(bytes.slice(0, first.value?.length)));
    expect(await hasBlob(oci, image.layer)).toBe(false);
    rest.resolve();
    let read = first.value?.length ?? 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) read += next.value.length;
    expect(read).toBe(SIZE);
    await settled({ mirrors });
    expect(await hasBlob(oci, image.layer)).toBe(true);
    expect(await bytesOf(await layer())).toEqual(new Uint8Array(bytes));
    expect(upstream.asked).toEqual([`blob ${image.layer}@0`]);
  });

  test("200 clients that ask for one blob at once cause one fetch, and all get it", async () => {
    const { upstream, layer, bytes, image } = await open();
    const all = await Promise.all(Array.from({ length: 200 }, async () => bytesOf(await layer())));
    expect(all.every((got) => Buffer.compare(got, bytes) === 0)).toBe(true);
    expect(upstream.asked).toEqual([`blob ${image.layer}@0`]);
  });

  test("a part of a blob that is being fetched is served as soon as it is there", async () => {
    const { upstream, layer, bytes } = await open();
    const rest = Promise.withResolvers<void>();
    upstream.step = (at) => (at >= 700_000 ? rest.promise : undefined);
    const blob = await layer();
    if (typeof blob?.content !== "function") throw new Error("the blob is no stream");
    const part = await Bun.readableStreamToBytes(blob.content({ first: 100, last: 299_999 }));
    expect(part).toEqual(new Uint8Array(bytes.slice(100, 300_000)));
    rest.resolve();
    const end = await Bun.readableStreamToBytes(blob.content({ first: SIZE - 10, last: SIZE - 1 }));
    expect(end).toEqual(new Uint8Array(bytes.slice(-10)));
  });

  test("a fetch that breaks off goes on where it was", async () => {
    const { upstream, layer, bytes, image } = await open();
    let breaks = 0;
    upstream.step = (at) => {
      if (at > 400_000 && breaks++ === 0) brokenOff();
    };
    expect(await bytesOf(await layer())).toEqual(new Uint8Array(bytes));
    const offsets = upstream.asked.map((asked) => Number(asked.split("@")[1]));
    expect(upstream.asked[0]).toBe(`blob ${image.layer}@0`);
    expect(offsets.length).toBe(2);
    expect(offsets[1]).toBeGreaterThan(0);
  });

  test("of bytes with another digest nothing is kept, and no client gets them all", async () => {
    const { oci, upstream, layer, image, mirrors, logged } = await open();
    falsify(upstream, image.layer);
    let received = 0;
    const blob = await layer();
    if (typeof blob?.content !== "function") throw new Error("the blob is no stream");
    const read = async () => {
      for await (const piece of (blob.content as () => ReadableStream<Uint8Array>)())
        received += piece.length;
    };
    expect(await read().catch((error) => String(error))).toContain("the fetch of a blob has failed");
    expect(received).toBeLessThan(SIZE);
    await settled({ mirrors });
    expect(await hasBlob(oci, image.layer)).toBe(false);
    expect(await oci.uploads.list()).toEqual([]);
    expect(logged.join("\n")).toContain(`for the blob ${image.layer}`);
  });

  test("when a client goes away the fetch goes on, for the next one", async () => {
    const { oci, upstream, layer, image, mirrors } = await open();
    const rest = Promise.withResolvers<void>();
    upstream.step = (at) => (at >= 300_000 ? rest.promise : undefined);
    const blob = await layer();
    if (typeof blob?.content !== "function") throw new Error("the blob is no stream");
    const reader = blob.content().getReader();
    await reader.read();
    await reader.cancel();
    rest.resolve();
    await settled({ mirrors });
    expect(await hasBlob(oci, image.layer)).toBe(true);
  });

  test("a blob of which upstream tells no size is served once it is whole", async () => {
    const { upstream, storage, bytes, mirrors, oci } = await open();
    upstream.statesSizes = false;
    const digest = upstream.blob(bytes.slice(5));
    expect(await bytesOf(await storage().blob(APP, digest))).toEqual(new Uint8Array(bytes.slice(5)));
    await settled({ mirrors });
    expect(existsSync(`${oci.directory}/spool`) ? readdirSync(`${oci.directory}/spool`) : []).toEqual([]);
  });

  test("a blob that upstream does not have is a miss that is remembered", async () => {
    const { upstream, storage } = await open();
    const digest = `sha256:${"0".repeat(64)}` as Digest;
    for (let i = 0; i < 3; i++) expect(await storage().blob(APP, digest)).toBeUndefined();
    expect(upstream.asked).toEqual([`blob ${digest}@0`]);
  });

  test("a blob over the quota is not kept, and the client learns why", async () => {
    const oci = await (STORES[kind]?.() ?? Promise.reject(new Error(kind)));
    const { upstream, tag, storage, mirrors } = testMirror(oci, { ...NEVER, repositoryQuota: 100_000 });
    const { layer } = upstream.image("demo", SIZE);
    await tag("demo");
    const error = await storage()
      .blob(APP, layer)
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ kind: "refused" });
    expect(error.message).toContain("quota");
    while (mirrors.underWay > 0) await Bun.sleep(1);
    expect(await hasBlob(oci, layer)).toBe(false);
  });
});

test("while clients may push, a question whether a blob is there is not passed on", async () => {
  const { oci } = await TestStore.open();
  const { upstream, storage } = testMirror(oci, { upstreamMode: "fallback" });
  const { layer } = upstream.image("demo");
  expect(await storage({ isHead: true }).blob(APP, layer)).toBeUndefined();
  expect(upstream.asked).toEqual([]);
});

test("a mirror in the mode read-only, or at a past state, fetches nothing", async () => {
  for (const settings of [{ mode: "read-only" }, { at: "0".repeat(64) }] as const) {
    const { oci } = await TestStore.open();
    const { upstream, storage, tag } = testMirror(oci, settings as never);
    const { layer } = upstream.image("demo");
    expect(await tag("demo")).toBeUndefined();
    expect(await storage().blob(APP, layer)).toBeUndefined();
    expect(upstream.asked).toEqual([]);
  }
});

test("a fetch for which there is no room is cut off, and the log says so", async () => {
  const { oci } = await TestStore.open();
  const { upstream, storage, tag, mirrors, logged } = testMirror(oci, NEVER);
  const { layer } = upstream.image("demo", SIZE);
  await tag("demo");
  upstream.step = (at) => {
    if (at > 500_000) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  };
  const failed = await storage()
    .blob(APP, layer)
    .then(bytesOf)
    .catch((error) => String(error));
  expect(failed).toContain("Error");
  while (mirrors.underWay > 0) await Bun.sleep(1);
  expect(await hasBlob(oci, layer)).toBe(false);
  expect(await oci.uploads.list()).toEqual([]);
  expect(logged.join("\n")).toContain(`the mirror 'hub' could not keep ${layer} of 'team/app'`);
});

test("a blob that the disk could not hold is refused before its first byte, and the log says so", async () => {
  const { oci } = await TestStore.open();
  const { upstream, storage, logged } = testMirror(oci, NEVER);
  const { layer } = upstream.image("");
  const openBlob = upstream.openBlob.bind(upstream);
  upstream.openBlob = async (...args) => {
    const answer = await openBlob(...args);
    return answer.kind === "found" ? { ...answer, size: 2 ** 60 } : answer;
  };
  const refused = await storage()
    .blob(APP, layer)
    .catch((error) => error);
  expect(refused).toMatchObject({ code: "ENOSPC" });
  expect(logged.join("\n")).toContain(`could not keep ${layer}`);
  expect(await oci.uploads.list()).toEqual([]);
});
