import { afterAll } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

/**
 * Creates the data directory of a stopped server once for a test file; each call of the returned function makes a copy. Call
 * it outside of tests.
 */
export function preparedOnce<T extends { readonly dataDir: string }>(
  make: () => Promise<T>,
): () => Promise<T> {
  let prepared: Promise<T> | undefined;
  afterAll(async () => {
    const made = await prepared?.catch(() => undefined);
    if (made) rmSync(made.dataDir, { recursive: true, force: true });
  });
  const prepare = async (): Promise<T> => {
    const made = await make();
    const kept = mkdtempSync(join(tmpdir(), "everlock-"));
    copy(made.dataDir, kept);
    return { ...made, dataDir: kept };
  };
  return async () => {
    prepared ??= prepare();
    const made = await prepared;
    const dataDir = `${temporaryDirectory()}/data`;
    copy(made.dataDir, dataDir);
    return { ...made, dataDir };
  };
}

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, filter: (path) => !path.endsWith(".sock") });
}
