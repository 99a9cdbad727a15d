import { readFileSync } from "node:fs";
import { isMissingFile } from "../fs/files.ts";
import { PeriodicSave } from "../jobs/periodic-save.ts";
import type { Logger } from "../logging/logger.ts";
import { KnownNetworks } from "./known-networks.ts";
import { parseUserName } from "./user.ts";

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Saves `KnownNetworks` in a file, so that they survive a restart. */
export class KnownNetworksFile {
  readonly known: KnownNetworks;
  readonly #file: PeriodicSave;

  /** A file that can't be read counts as empty. */
  constructor(path: string, log: Logger) {
    this.known = new KnownNetworks(read(path, log), () => this.#file.changed());
    const encode = () => Buffer.from(`${JSON.stringify(Object.fromEntries(this.known.entries()))}\n`);
    this.#file = new PeriodicSave(path, encode, log);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function read(path: string, log: Logger): (readonly [string, readonly string[]])[] {
  try {
    const text = readFileSync(path);
    if (text.length > MAX_FILE_BYTES) throw new Error("it is too long");
    const entries = Object.entries(JSON.parse(text.toString()) as Record<string, unknown>);
    return entries.flatMap(([login, networks]) =>
      parseUserName(login) &&
      Array.isArray(networks) &&
      networks.every((network) => typeof network === "string")
        ? [[login, networks] as const]
        : [],
    );
  } catch (error) {
    if (!isMissingFile(error)) log.warn(`${path} can't be read and is replaced by an empty one: ${error}`);
    return [];
  }
}
