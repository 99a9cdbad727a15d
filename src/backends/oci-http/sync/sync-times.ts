import { readFileSync } from "node:fs";
import { replaceFile } from "../../../primitives/fs/durable.ts";
import { isRecord } from "../../../primitives/text/records.ts";

const FILE = "sync.json";
/** What could not be done is tried again after this time (seconds), or when its rule wants it. */
const RETRY_SECONDS = 10 * 60;
const PRIVATE = 0o600;

/** When each rule of planned copies was last carried out, in a file of the store's directory: a restart repeats nothing. */
export class SyncTimes {
  readonly #path: string;
  /** When the next run is due, in seconds since the epoch, by the text of the rule with its registry. */
  readonly #due: Map<string, number>;

  /** A file that can't be read counts as empty. */
  constructor(directory: string) {
    this.#path = `${directory}/${FILE}`;
    this.#due = read(this.#path);
  }

  /** In seconds since the epoch. */
  dueAt(key: string): number {
    return this.#due.get(key) ?? 0;
  }

  /** `keys`: those of all rules; the others are forgotten. */
  async note(
    key: string,
    { everySeconds, isWhole }: { readonly everySeconds: number; readonly isWhole: boolean },
    keys: ReadonlySet<string>,
  ): Promise<void> {
    const wait = isWhole ? everySeconds : Math.min(everySeconds, RETRY_SECONDS);
    this.#due.set(key, Math.floor(Date.now() / 1000) + wait);
    for (const known of this.#due.keys()) if (!keys.has(known)) this.#due.delete(known);
    const text = `${JSON.stringify(Object.fromEntries(this.#due))}\n`;
    await replaceFile(this.#path, Buffer.from(text), PRIVATE);
  }
}

function read(path: string): Map<string, number> {
  try {
    const json: unknown = JSON.parse(readFileSync(path, "utf8"));
    const entries = isRecord(json) ? Object.entries(json) : [];
    return new Map(
      entries.flatMap(([key, seconds]): [string, number][] =>
        typeof seconds === "number" ? [[key, seconds]] : [],
      ),
    );
  } catch {
    return new Map();
  }
}
