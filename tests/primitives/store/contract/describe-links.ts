import { describe, expect, test } from "bun:test";
import { digestOf } from "../../../../src/primitives/digest.ts";
import type { DatedLink, Link, LinkChange } from "../../../../src/primitives/store/engine/links.ts";
import { type LinkEngine, openLinks, readLinks, STORE } from "./engines.ts";

const [layer, other] = [digestOf(Buffer.from("layer")), digestOf(Buffer.from("other"))];

interface EngineWithLinks {
  readonly name: string;
  create(): { readonly engine: LinkEngine; afterKill(): LinkEngine };
}

export function describeLinks({ name, create }: EngineWithLinks): void {
  describe(`links of the engine '${name}'`, () => {
    test("are there from when they were made until they are removed, each once", async () => {
      const links = await openLinks(create().engine);
      expect([await links.has("app", layer), await links.remove("app", layer)]).toEqual([false, false]);
      await links.add("app", layer);
      await links.add("app", layer);
      await links.add("team/app", layer);
      expect([await links.has("app", layer), await links.has("app", other)]).toEqual([true, false]);
      expect([await links.hasAny("app"), await links.hasAny("team")]).toEqual([true, false]);
      expect((await links.scopesOf(layer, 10)).sort()).toEqual(["app", "team/app"]);
      expect(await links.scopesOf(layer, 1)).toHaveLength(1);
      expect(await links.remove("app", layer)).toBe(true);
      expect([await links.has("app", layer), await links.blobsOf("app")]).toEqual([false, []]);
      expect(await links.hasAny("app")).toBe(false);
      expect(await links.blobsOf("team/app")).toEqual([layer]);
    });

    test("that were made or removed are so after a kill", async () => {
      const storage = create();
      const links = await openLinks(storage.engine);
      await links.add("app", layer);
      await links.add("app", other);
      await links.remove("app", other);
      const afterKill = await openLinks(storage.afterKill());
      expect(await afterKill.blobsOf("app")).toEqual([layer]);
    });

    test("are read in pages by scope and digest, those alone that are old enough", async () => {
      const links = await openLinks(create().engine);
      const made = ["b", "a", "c"].flatMap((scope) => [
        { scope, digest: layer },
        { scope, digest: other },
      ]);
      for (const { scope, digest } of made) await links.add(scope, digest);
      const later = Math.floor(Date.now() / 1000) + 10;
      const found: DatedLink[] = [];
      for (let page: DatedLink[] = [], isFirst = true; isFirst || page.length > 0; isFirst = false) {
        page = await links.olderThan(later, found.at(-1), 4);
        expect(page.length).toBeLessThanOrEqual(4);
        found.push(...page);
      }
      const byKey = (link: Link) => `${link.scope} ${link.digest}`;
      expect(found.map(byKey)).toEqual(made.map(byKey).sort());
      expect(found.every(({ linkedAt }) => Math.abs(linkedAt - later + 10) < 10)).toBe(true);
      expect(await links.olderThan(later - 3600, undefined, 10)).toEqual([]);
    });

    test("are seen by another thread as soon as they are made or removed", async () => {
      const { engine } = create();
      const links = await openLinks(engine);
      const reader = await readLinks(engine);
      await links.add("app", layer);
      expect([await reader.has("app", layer), await reader.scopesOf(layer, 10)]).toEqual([true, ["app"]]);
      await links.remove("app", layer);
      expect([await reader.has("app", layer), await reader.scopesOf(layer, 10)]).toEqual([false, []]);
    });

    test("report each scope that they change, and whether it has lost one", async () => {
      const changes: [scope: string, change: LinkChange][] = [];
      const links = await openLinks(create().engine, {
        changed: (...change) => changes.push(change),
      });
      await links.add("app", layer);
      await links.remove("app", layer);
      await links.add("team/app", layer);
      expect(changes).toEqual([
        ["app", "change"],
        ["app", "removal"],
        ["team/app", "change"],
      ]);
      changes.length = 0;
      await links.drop("team/app", layer, () => false);
      await links.drop("team/app", layer, () => true);
      expect(changes).toEqual([
        ["team/app", "removal"],
        ["team/app", "change"],
        ["team/app", "removal"],
      ]);
    });

    test("that are sound are not replaced, whichever damage is reported", async () => {
      const { engine } = create();
      const isUnasked = () => expect.unreachable();
      const links = await openLinks(engine, { needed: isUnasked });
      await links.add("app", layer);
      expect(await links.repair({ reason: "unknown" })).toBe(false);
      expect(await links.repair({ reason: "a row has another sum", path: "/elsewhere/index.sqlite" })).toBe(
        false,
      );
      expect([await links.has("app", layer), await engine.checkLinks(STORE)]).toEqual([true, []]);
    });

    test("tell of blobs that were linked lately", async () => {
      const links = await openLinks(create().engine);
      await links.add("app", layer);
      const now = Math.floor(Date.now() / 1000);
      expect([
        await links.isLinkedSince(layer, now - 60),
        await links.isLinkedSince(layer, now + 60),
      ]).toEqual([true, false]);
      expect(await links.linkedSince([other, layer], now - 60)).toEqual(new Set([layer]));
      expect(await links.linkedSince([other, layer], now + 60)).toEqual(new Set());
    });

    test("are out of sight before dropping them asks whether they are needed, and stay if they are", async () => {
      const links = await openLinks(create().engine);
      await links.add("app", layer);
      await links.drop("app", layer, () => false);
      expect(await links.has("app", layer)).toBe(true);
      let seen: Promise<boolean> | undefined;
      await links.drop("app", layer, () => {
        seen = links.has("app", layer);
        return true;
      });
      expect([await seen, await links.has("app", layer)]).toEqual([false, false]);
      const isAsked = () => expect.unreachable();
      await links.drop("app", layer, isAsked);
    });

    test("that are dropped may take time to say whether they are needed, and stay if they are", async () => {
      const links = await openLinks(create().engine);
      await links.add("app", layer);
      const later = async (isUnneeded: boolean) => {
        await Bun.sleep(1);
        return isUnneeded;
      };
      await links.drop("app", layer, () => later(false));
      expect(await links.has("app", layer)).toBe(true);
      await links.drop("app", layer, () => later(true));
      expect(await links.has("app", layer)).toBe(false);
    });
  });
}
