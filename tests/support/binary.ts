import { existsSync } from "node:fs";
import { resolve } from "node:path";

const BINARY = resolve(import.meta.dir, "../../dist/everlock");

/** The compiled executable, which `bun build.ts` creates. */
export function binary(): string {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; 'bun build.ts' compiles it`);
  return BINARY;
}
