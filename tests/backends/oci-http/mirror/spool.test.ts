import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { SpoolFile } from "../../../../src/backends/oci-http/mirror/spool.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

test("the first file of a fetch removes what a killed server has left, and later ones remove nothing", async () => {
  const dir = temporaryDirectory();
  mkdirSync(`${dir}/spool`);
  writeFileSync(`${dir}/spool/left`, "x");
  const [first, second] = [await SpoolFile.create(dir), await SpoolFile.create(dir)];
  expect(readdirSync(`${dir}/spool`).length).toBe(2);
  await first.remove();
  expect(existsSync(second.path)).toBe(true);
  await second.remove();
  expect(readdirSync(`${dir}/spool`)).toEqual([]);
});
