import { existsSync, readFileSync } from "node:fs";
import type { Digest } from "../primitives/digest.ts";
import { messageOf } from "../primitives/expected-error.ts";
import { replaceFile } from "../primitives/fs/durable.ts";
import type { StoreName } from "../primitives/store/store-manager.ts";
import { CommandError } from "./command-error.ts";

const NAME = "everlock-backup.json";
const VERSION = 1;

/** The content of a store in a finished backup. */
export interface BackedUpStore {
  /** SHA-256 of the inventory file `<store>.inventory` beside the store. */
  readonly inventory: string;
  /** Blobs that its manifests reference and that were missing in the source, which a sparse store may have. */
  readonly absent: readonly Digest[];
}

/** A file that marks a directory as a backup and says whether the backup is complete. */
export interface BackupMarker {
  readonly version: number;
  /** ISO 8601 time of completion; `null` while a backup runs, also over a finished one. */
  readonly finished: string | null;
  /** The stores that a finished backup contains. */
  readonly stores: readonly StoreName[];
  /** Missing in backups by earlier versions of Everlock. */
  readonly contents?: Readonly<Record<StoreName, BackedUpStore>>;
}

/** `undefined` if the directory is not a backup. Throws if the marker is damaged or has another version. */
export function readMarker(dir: string): BackupMarker | undefined {
  const path = `${dir}/${NAME}`;
  if (!existsSync(path)) return undefined;
  let marker: BackupMarker;
  try {
    marker = JSON.parse(readFileSync(path, "utf8")) as BackupMarker;
  } catch (error) {
    throw new CommandError(`${path} is damaged: ${messageOf(error)}`);
  }
  if (marker.version !== VERSION)
    throw new CommandError(`${dir} was made by another version of Everlock (${marker.version})`);
  return marker;
}

/** Resolves when the marker is durable. */
export function writeMarker(dir: string, marker: Omit<BackupMarker, "version">): Promise<void> {
  const text = `${JSON.stringify({ version: VERSION, ...marker })}\n`;
  return replaceFile(`${dir}/${NAME}`, Buffer.from(text), 0o600);
}

export function inventoryPath(dir: string, store: StoreName): string {
  return `${dir}/${store}.inventory`;
}
