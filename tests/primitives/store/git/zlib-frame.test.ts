import { expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import { zlibFrame } from "../../../../src/primitives/store/git/zlib-frame.ts";
import { randomBytes } from "../../../support/random-bytes.ts";

test.each([0, 1, 100, 65_535, 65_536, 3_000_000])("a frame of %p bytes is what zlib reads", (size) => {
  for (const body of [randomBytes(size), Buffer.alloc(size, 0xff), Buffer.alloc(size, "text ")]) {
    for (const compression of ["stored", "deflated"] as const) {
      expect(inflateSync(zlibFrame(body, compression)).equals(body)).toBe(true);
      expect(inflateSync(zlibFrame(body, compression, 3).subarray(3)).equals(body)).toBe(true);
    }
  }
});
