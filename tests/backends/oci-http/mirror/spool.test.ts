import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { SpoolFile } from "../../../../src/backends/oci-http/mirror/spool.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

test("the file of a fetch leaves those of others alone, and nothing when it ends", async () => {
  const dir = temporaryDirectory();
  const [first, second] = [await SpoolFile.create(dir), await SpoolFile.create(dir)];
  expect(readdirSync(`${dir}/spool`).length).toBe(2);
  await first.remove();
  expect(existsSync(second.path)).toBe(true);
  await second.remove();
  expect(readdirSync(`${dir}/spool`)).toEqual([]);
});
