import { existsSync, readFileSync } from "node:fs";
import type { Digest } from "../primitives/digest.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";

const NAME = "everlock-backup.json";
const VERSION = 1;

/** What a finished backup of a store consists of. */
export interface BackedUpStore {
  /** SHA-256 of the inventory, which lies beside the store as `<store>.inventory`. */
  readonly inventory: string;
  /** Blobs that its manifests name and that never were there, as a sparse store may have it. */
  readonly absent: readonly Digest[];
}

/** Tells that a directory is a backup, and whether it is whole. */
export interface BackupMarker {
  readonly version: number;
  /** When; `null` while it is not, also of one that an earlier run had finished. */
  readonly finished: string | null;
  /** Those that are in it, or are to be once it is finished. */
  readonly stores: readonly StoreName[];
  /** Not of backups that earlier versions of Everlock made. */
  readonly contents?: Readonly<Record<StoreName, BackedUpStore>>;
}

/** `undefined` if the directory is no backup. Throws where the marker makes no sense or is another version's. */
export function readMarker(dir: string): BackupMarker | undefined {
  const path = `${dir}/${NAME}`;
  if (!existsSync(path)) return undefined;
  let marker: BackupMarker;
  try {
    marker = JSON.parse(readFileSync(path, "utf8")) as BackupMarker;
  } catch (error) {
    throw new Error(`${path} is damaged: ${error instanceof Error ? error.message : error}`);
  }
  if (marker.version !== VERSION)
    throw new Error(`${dir} was made by another version of Everlock (${marker.version})`);
  return marker;
}

/** Resolves once it would survive a power cut. */
export function writeMarker(dir: string, marker: Omit<BackupMarker, "version">): Promise<void> {
  const text = `${JSON.stringify({ version: VERSION, ...marker })}\n`;
  return replaceFile(`${dir}/${NAME}`, Buffer.from(text), 0o600);
}

export function inventoryPath(dir: string, store: StoreName): string {
  return `${dir}/${store}.inventory`;
}
