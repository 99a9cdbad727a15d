import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { OpenStores } from "../../../../src/backends/oci-http/store/open-stores.ts";
import { localStores } from "../../../../src/primitives/store/open-engine.ts";
import type { StoreName } from "../../../../src/primitives/store/store-manager.ts";
import { afterThisTest } from "../../../support/cleanup.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

test("a store that is opened keeps no half blobs of the fetches of a killed server", async () => {
  const dataDir = temporaryDirectory();
  const name = "everlock-oci-test" as StoreName;
  const spool = `${dataDir}/${name}/spool`;
  mkdirSync(spool, { recursive: true });
  writeFileSync(`${spool}/left`, "x");
  const log = () => undefined;
  const stores = new OpenStores(
    localStores(dataDir, { info: log, warn: log, error: log }),
    undefined,
    () => undefined,
  );
  afterThisTest(() => stores.closeUnused([]));
  await stores.open(name);
  expect(existsSync(spool)).toBe(false);
});
