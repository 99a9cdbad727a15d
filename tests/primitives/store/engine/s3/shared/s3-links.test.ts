import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { digestOf } from "../../../../../../src/primitives/digest.ts";
import type { S3Location } from "../../../../../../src/primitives/s3/s3-location.ts";
import type { LinkChange } from "../../../../../../src/primitives/store/engine/links.ts";
import { StoreLog } from "../../../../../../src/primitives/store/engine/s3/log/store-log.ts";
import { checkS3Links, S3Links } from "../../../../../../src/primitives/store/engine/s3/shared/s3-links.ts";
import { readLinksIn } from "../../../../../../src/primitives/store/engine/sqlite-links/links-reader.ts";
import { afterThisTest } from "../../../../../support/cleanup.ts";
import { flipBit } from "../../../../../support/flipped-bit.ts";
import { TroubledClient } from "../../../../../support/s3-node.ts";
import { sharedS3Server } from "../../../../../support/s3-server.ts";
import { temporaryDirectory } from "../../../../../support/temporary-directory.ts";
import { describeWith } from "../../../../../support/tools.ts";
import { STORE } from "../../../contract/engines.ts";

const [layer, other] = [digestOf(Buffer.from("layer")), digestOf(Buffer.from("other"))];

/** A process of a node: its log, and links in a directory that may be given to the next process. */
async function openNode(location: S3Location, dir = temporaryDirectory(), node = crypto.randomUUID()) {
  const client = new TroubledClient(location);
  const logged: string[] = [];
  const changes: [scope: string, change: LinkChange][] = [];
  const storeLog = await StoreLog.open(client.bucket(), STORE, { node, localDir: dir });
  const say = (message: string) => void logged.push(message);
  const links = await S3Links.open({
    storeLog,
    dir,
    store: STORE,
    time: () => client.storeTime,
    log: { info: say, warn: say, error: say },
    changed: (...change) => changes.push(change),
  });
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await links.close();
    await storeLog.close();
  };
  afterThisTest(close);
  /** Changes a link as a bad disk does: its sum stays. */
  const damage = (file = "links.sqlite") => {
    using db = new Database(`${dir}/${file}`, { readwrite: true });
    db.run("UPDATE blob_links SET linked_at = 1");
  };
  return { client, dir, storeLog, links, logged, changes, close, damage };
}

describeWith(["versitygw"], "links in a bucket", () => {
  const nextLocation = sharedS3Server();

  describe("on several nodes", () => {
    test("are seen on each node that has read the log since, and by its other threads, with their scopes reported", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      const reader = readLinksIn(b.dir);
      afterThisTest(() => reader.close());
      await a.links.add("app", layer);
      await a.links.add("team/app", other);
      await b.storeLog.refresh();
      expect([await b.links.has("app", layer), await reader.has("team/app", other)]).toEqual([true, true]);
      await b.links.remove("app", layer);
      await a.storeLog.refresh();
      expect([await a.links.has("app", layer), await reader.has("app", layer)]).toEqual([false, false]);
      for (const { changes } of [a, b])
        expect(changes).toEqual([
          ["app", "change"],
          ["team/app", "change"],
          ["app", "removal"],
        ]);
    });

    test("that another node has just made are removed by one that has not seen them", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      await a.links.add("app", layer);
      expect([await b.links.remove("app", layer), await b.links.remove("app", layer)]).toEqual([true, false]);
      await a.storeLog.refresh();
      expect(await a.links.has("app", layer)).toBe(false);
    });

    test("end up the same on all nodes that change them at the same time", async () => {
      const location = nextLocation();
      const nodes = await Promise.all(Array.from({ length: 4 }, () => openNode(location)));
      const blobs = Array.from({ length: 8 }, (_, i) => digestOf(Buffer.from(`blob ${i}`)));
      await Promise.all(
        nodes.map(async ({ links }, node) => {
          for (const [i, blob] of blobs.entries()) {
            await links.add(`app-${i % 3}`, blob);
            if ((i + node) % 2 === 0) await links.remove(`app-${i % 3}`, blob);
          }
        }),
      );
      const newcomer = await openNode(location);
      const seen = await Promise.all(
        [...nodes, newcomer].map(async ({ storeLog, links }) => {
          await storeLog.refresh();
          const scopes = await Promise.all(blobs.map((blob) => links.scopesOf(blob, 10)));
          return JSON.stringify([scopes, await links.olderThan(Number.MAX_SAFE_INTEGER, undefined, 100)]);
        }),
      );
      expect(new Set(seen).size).toBe(1);
    });

    test("are as young as their youngest record, also where a collector puts one back that is needed after all", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      const long = { kind: "link", scope: "app", digest: layer, seconds: 1000 } as const;
      await a.storeLog.record([long]);
      await b.storeLog.refresh();
      await b.links.drop("app", layer, () => false);
      expect(await b.links.isLinkedSince(layer, 1001)).toBe(false);
      await a.links.add("app", layer);
      await b.storeLog.record([long]);
      await a.storeLog.refresh();
      for (const { links } of [a, b]) expect(await links.isLinkedSince(layer, 1001)).toBe(true);
    });

    test("that another node makes again are not dropped by one that has not seen that, also where they were merged", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      await a.storeLog.record([{ kind: "link", scope: "app", digest: layer, seconds: 1000 }]);
      await b.storeLog.refresh();
      await a.links.add("app", layer);
      await b.links.drop("app", layer, () => expect.unreachable());
      await a.storeLog.merge();
      const newcomer = await openNode(location);
      for (const { storeLog, links } of [a, b, newcomer]) {
        await storeLog.refresh();
        expect([await links.has("app", layer), await links.isLinkedSince(layer, 1001)]).toEqual([true, true]);
      }
    });

    test("that a node made whose clock is ahead are removed by one whose clock is not", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      const seconds = Math.floor(Date.now() / 1000) + 600;
      await a.storeLog.record([{ kind: "link", scope: "app", digest: layer, seconds }]);
      expect(await b.links.remove("app", layer)).toBe(true);
      await a.storeLog.refresh();
      for (const { links } of [a, b]) expect(await links.has("app", layer)).toBe(false);
    });

    test("that one node drops are hidden before it asks whether they are needed, and gone on another that has read the log", async () => {
      const location = nextLocation();
      const [a, b] = [await openNode(location), await openNode(location)];
      await a.links.add("app", layer);
      let sawDrop = false;
      await a.links.drop("app", layer, () => {
        sawDrop = a.changes.some(([, change]) => change === "removal");
        return true;
      });
      await b.storeLog.refresh();
      expect([sawDrop, await b.links.has("app", layer)]).toEqual([true, false]);
    });
  });

  test("are read on from where a stopped node was, without what it has already", async () => {
    const location = nextLocation();
    const node = await openNode(location);
    await node.links.add("app", layer);
    const before = node.storeLog.last;
    await node.close();
    await (await openNode(location)).links.add("app", other);
    const again = await openNode(location, node.dir);
    expect((await again.links.blobsOf("app")).sort()).toEqual([layer, other].sort());
    // What it had is not applied again.
    expect([before, again.changes]).toEqual([1, [["app", "change"]]]);
  });

  test("of a bucket that was emptied are forgotten by a node that had read further", async () => {
    const location = nextLocation();
    const node = await openNode(location);
    await node.links.add("app", layer);
    await node.close();
    const again = await openNode(nextLocation(), node.dir);
    expect(await again.links.hasAny("app")).toBe(false);
  });

  test("are durable when they are made although responses of writes are lost, and each once in the log", async () => {
    const location = nextLocation();
    const node = await openNode(location);
    let left = 2;
    node.client.trouble = ({ method }) =>
      method === "PUT" && left > 0 ? (--left % 2 === 1 ? "unanswered" : "lost") : undefined;
    await node.links.add("app", layer);
    await node.links.add("app", other);
    node.client.trouble = () => "lost";
    await expect(node.links.add("team/app", layer)).rejects.toThrow("cut off");
    const newcomer = await openNode(location);
    expect((await newcomer.links.blobsOf("app")).sort()).toEqual([layer, other].sort());
    expect([newcomer.storeLog.last, await newcomer.links.hasAny("team/app")]).toEqual([2, false]);
  });

  describe("whose file is damaged", () => {
    test("are made again from the log while they are open, for those who read them again too", async () => {
      const node = await openNode(nextLocation());
      const { links, dir, damage, logged } = node;
      await links.add("app", layer);
      await links.add("app", other);
      damage();
      await expect(links.has("app", other)).rejects.toThrow("a row has another sum");
      const repairs = [
        links.repair({ reason: "a row has another sum", path: `${dir}/links.sqlite` }),
        links.repair({ reason: "unknown" }),
      ];
      expect(await Promise.all(repairs)).toEqual([true, true]);
      await links.add("team/app", layer);
      const reader = readLinksIn(dir);
      expect([await links.has("app", other), await reader.has("team/app", layer)]).toEqual([true, true]);
      reader.close();
      expect(logged).toEqual([
        "links.sqlite of the store 'everlock-test' is damaged (a row has another sum) and is made again from the log",
        "links.sqlite of the store 'everlock-test' was replaced",
      ]);
      damage("links.rebuilt.sqlite");
      await expect(links.repair({ reason: "its sum" })).rejects.toThrow("the next start makes another one");
      await node.close();
      expect([existsSync(`${dir}/links.sqlite`), existsSync(`${dir}/links.rebuilt.sqlite`)]).toEqual([
        true,
        false,
      ]);
    });

    test("fail who reads the log, and have all links once they are repaired", async () => {
      const location = nextLocation();
      const [node, elsewhere] = [await openNode(location), await openNode(location)];
      await node.links.add("app", layer);
      node.damage();
      await elsewhere.links.add("app", layer);
      await elsewhere.links.add("app", other);
      await expect(node.storeLog.refresh()).rejects.toThrow("a row has another sum");
      expect(await node.links.repair({ reason: "its sum" })).toBe(true);
      await node.storeLog.refresh();
      expect((await node.links.blobsOf("app")).sort()).toEqual([layer, other].sort());
    });

    test("stay as they are while the log can't be read, and are repaired later", async () => {
      const node = await openNode(nextLocation());
      await node.links.add("app", layer);
      // What is not merged is in the node's memory.
      await node.storeLog.merge();
      node.damage();
      node.client.trouble = () => "lost";
      await expect(node.links.repair({ reason: "its sum" })).rejects.toThrow("cut off");
      node.client.trouble = () => undefined;
      expect(await node.links.repair({ reason: "its sum" })).toBe(true);
      expect(await node.links.has("app", layer)).toBe(true);
    });

    test("are named by a check, and made again at the next start", async () => {
      const location = nextLocation();
      const node = await openNode(location);
      await node.links.add("app", layer);
      await node.close();
      flipBit(`${node.dir}/links.sqlite`, 0, 0);
      expect(await checkS3Links(node.dir)).toEqual([
        expect.stringMatching(
          /^links\.sqlite is damaged \(.*\); the next start of the server makes it again from the log$/,
        ),
      ]);
      const again = await openNode(location, node.dir);
      expect([await again.links.has("app", layer), again.logged.length]).toEqual([true, 1]);
      await again.close();
      rmSync(`${node.dir}/links.sqlite`);
      expect(await checkS3Links(node.dir)).toEqual([]);
    });
  });
});
