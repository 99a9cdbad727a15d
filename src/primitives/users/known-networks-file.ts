import { readFileSync } from "node:fs";
import type { Logger } from "../logger.ts";
import { replaceFile } from "../store/durable.ts";
import { isMissingFile } from "../store/files.ts";
import { KnownNetworks } from "./known-networks.ts";
import { parseUserName } from "./user.ts";

/** How often what is new is written down; a crash loses no more than that. */
const SAVE_MS = 60_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Keeps `KnownNetworks` in a file, so that nobody is a stranger after a restart. */
export class KnownNetworksFile {
  readonly known: KnownNetworks;
  readonly #path: string;
  readonly #log: Logger;
  readonly #timer: Timer;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();

  /** A file that can't be read counts as empty. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.known = new KnownNetworks(read(path, log), () => {
      this.#isChanged = true;
    });
    this.#timer = setInterval(() => this.#save(), SAVE_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#save();
    await this.#saving;
  }

  #save(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const bytes = Buffer.from(`${JSON.stringify(Object.fromEntries(this.known.entries()))}\n`);
    this.#saving = this.#saving
      .then(() => replaceFile(this.#path, bytes, 0o600))
      .catch((error) => this.#log.error(`${this.#path} can't be written`, error));
  }
}

function read(path: string, log: Logger): (readonly [string, readonly string[]])[] {
  try {
    const text = readFileSync(path);
    if (text.length > MAX_FILE_BYTES) throw new Error("it is longer than it can be");
    const entries = Object.entries(JSON.parse(text.toString()) as Record<string, unknown>);
    return entries.flatMap(([login, networks]) =>
      parseUserName(login) &&
      Array.isArray(networks) &&
      networks.every((network) => typeof network === "string")
        ? [[login, networks] as const]
        : [],
    );
  } catch (error) {
    if (!isMissingFile(error)) log.warn(`${path} can't be read, and begins as an empty one: ${error}`);
    return [];
  }
}
