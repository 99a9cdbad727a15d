import { expect, test } from "bun:test";
import { describeWith } from "../../../support/tools.ts";
import { describeBlobs } from "./describe-blobs.ts";
import { describeBranch } from "./describe-branch.ts";
import { describeLeases } from "./describe-leases.ts";
import { describeLinks } from "./describe-links.ts";
import { describeObjects } from "./describe-objects.ts";
import { describeSecrets } from "./describe-secrets.ts";
import { describeUploads } from "./describe-uploads.ts";
import { ENGINES, type EngineUnderTest, openContent, STORE } from "./engines.ts";

// What every storage engine must do, whatever it keeps its bytes in. An engine is added by a line in engines.ts.
for (const { needs, serve, ...served } of ENGINES) {
  describeWith(needs, `the engine '${served.name}'`, () => {
    const engine: EngineUnderTest = { ...served, create: serve() };
    describeObjects(engine);
    describeBranch(engine);
    describeBlobs(engine);
    describeUploads(engine);
    describeLinks(engine);
    describeLeases(engine);
    describeSecrets({
      name: engine.name,
      create: () => {
        const { engine: opened, otherNode = () => opened } = engine.create();
        return { openNode: otherNode };
      },
    });

    test("lists a store once it was made, and says when it holds blobs", async () => {
      const storage = engine.create();
      expect(await storage.engine.list()).toEqual([]);
      await storage.engine.create(STORE);
      await storage.engine.create(STORE);
      expect([await storage.engine.list(), await storage.engine.hasContent(STORE)]).toEqual([[STORE], false]);
      await openContent(storage.engine);
      expect(await storage.engine.hasContent(STORE)).toBe(true);
      expect(await storage.afterKill().list()).toEqual([STORE]);
    });
  });
}
