import { existsSync, readFileSync } from "node:fs";
import { replaceFile } from "../primitives/fs/durable.ts";

/** Whose node a data directory is. */
export interface MarkedStorage {
  /** An object store, such as `s3://bucket/prefix`. */
  readonly storage: string;
  /** Of what was there; see `OpenedStorage`. */
  readonly identity: string | undefined;
}

const PRIVATE = 0o600;
const UNREADABLE: MarkedStorage = { storage: "an object store", identity: undefined };

function markerPath(dataDir: string): string {
  return `${dataDir}/everlock-storage.json`;
}

/** `undefined` for a directory that is no node's: it holds stores, or nothing. */
export function markedStorage(dataDir: string): MarkedStorage | undefined {
  const path = markerPath(dataDir);
  if (!existsSync(path)) return undefined;
  try {
    const { storage, identity } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    if (typeof storage !== "string") return UNREADABLE;
    return { storage, identity: typeof identity === "string" ? identity : undefined };
  } catch {
    return UNREADABLE;
  }
}

export async function markStorage(dataDir: string, marked: MarkedStorage): Promise<void> {
  await replaceFile(markerPath(dataDir), Buffer.from(`${JSON.stringify(marked)}\n`), PRIVATE);
}
