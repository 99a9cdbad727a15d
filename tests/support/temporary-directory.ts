import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterThisTest } from "./cleanup.ts";

/** A new directory, removed after the test. */
export function temporaryDirectory(): string {
  // In lower case, because podman parses the path of an OCI layout as an image name.
  const dir = join(tmpdir(), `everlock-${crypto.randomUUID().slice(0, 8)}`);
  mkdirSync(dir);
  afterThisTest(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
