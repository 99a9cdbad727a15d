import { readdirSync, statSync } from "node:fs";
import { noteReceived } from "../../../bounds/buffer-pressure.ts";
import { moveOrRemove, removeQuietly, syncDirectory, writeSynced } from "../../../fs/durable.ts";
import { isMissingFile } from "../../../fs/files.ts";
import { Pace } from "../../../jobs/pace.ts";
import type { Release } from "../../../release.ts";
import type { GitObject, NamedObject } from "../../git/object.ts";
import { type ObjectId, objectIdToBytes, parseObjectId } from "../../git/object-id.ts";
import { assemblePack, type EncodedEntry, encodeEntry } from "../../git/pack.ts";
import { encodePackIndex } from "../../packs/pack-index.ts";
import type { ObjectStore } from "../objects.ts";
import { readLooseObject } from "./loose.ts";
import { packProblems } from "./pack-check.ts";
import { PackFile } from "./pack-file.ts";
import { removePackLeftovers, temporaryPackPaths } from "./pack-leftovers.ts";
import { chooseMerge, coveredPacks, mergePacks, type PackPaths } from "./pack-merge.ts";

/** How long merged packs stay, for a stock git that has listed them and is about to read them. */
const RETIREMENT_MS = 60 * 1000;
/** Pause after a merge that failed, on a full disk for instance. */
const MERGE_RETRY_MS = 60 * 1000;
/** What a batch leaves behind for the collector, in multiples of its pack: trees, frames and their copies. */
const GARBAGE_FACTOR = 8;
/**
 * The `objects` directory of a Git repository. Each batch is written as one pack with its index: two files and three
 * syncs whatever the number of objects; small packs are merged in the background. Packs and loose objects that stock git
 * adds are read as well.
 */
export class LocalObjects implements ObjectStore {
  readonly #dir: string;
  readonly #packDir: string;
  /** Open packs by file stem. */
  readonly #packs = new Map<string, PackFile>();
  /** The same, those with the most objects first: there an object is most likely to be. */
  #byCount: readonly PackFile[] | undefined;
  readonly #mergeFailed: (error: unknown) => void;
  readonly #hasRoom: () => boolean;
  /** Packs that are there, but may not survive a power cut. */
  readonly #uncertain = new Set<string>();
  /** Packs whose objects are all in a merged one, by file stem; the timers remove them. */
  readonly #retired = new Map<string, Timer>();
  /** The search for merged packs that a crash left, and merges. */
  #merging: Promise<void> | undefined;
  #hasSoughtCovered = false;
  #noMergeBefore = 0;
  #holds = 0;
  #closing = false;

  /**
   * `mergeFailed` is told of merges that could not be done; the packs then stay as they are, as they do while there is no
   * room for a copy of them.
   */
  constructor(
    objectsDir: string,
    mergeFailed: (error: unknown) => void = () => undefined,
    hasRoom: () => boolean = () => true,
  ) {
    this.#hasRoom = hasRoom;
    this.#dir = objectsDir;
    this.#packDir = `${objectsDir}/pack`;
    this.#mergeFailed = mergeFailed;
    removePackLeftovers(this.#packDir);
    this.#scan();
  }

  async get(id: ObjectId): Promise<GitObject | undefined> {
    return this.#get(id);
  }

  async has(id: ObjectId): Promise<boolean> {
    const bytes = objectIdToBytes(id);
    return [...this.#packs.values()].some((pack) => pack.has(bytes)) || this.#get(id) !== undefined;
  }

  put(objects: readonly NamedObject[]): Promise<void> {
    return this.putEntries(objects.map(encodeEntry));
  }

  /** Each object once. */
  async putEntries(encoded: readonly EncodedEntry[]): Promise<void> {
    if (encoded.length === 0) return;
    const pack = assemblePack(encoded);
    noteReceived(pack.bytes.length * GARBAGE_FACTOR);
    const stem = `pack-${pack.checksum.toHex()}`;
    if (this.#packs.has(stem) && !this.#uncertain.has(stem)) return;
    const temporary = temporaryPackPaths(this.#packDir);
    const written = await Promise.allSettled([
      writeSynced(temporary.pack, pack.bytes),
      writeSynced(temporary.idx, encodePackIndex(pack.entries, pack.checksum)),
    ]);
    const failure = written.find((outcome) => outcome.status === "rejected");
    if (failure) {
      removePaths(temporary);
      throw failure.reason;
    }
    await this.#publish(temporary, stem);
    this.#startMerge();
  }

  async *list(): AsyncGenerator<readonly ObjectId[]> {
    this.#scan();
    for (const pack of [...this.#packs.values()]) yield* pack.idPages();
    const prefixes = readdirSync(this.#dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
    for (const prefix of prefixes)
      yield readdirSync(`${this.#dir}/${prefix}`).flatMap((name) => parseObjectId(prefix + name) ?? []);
  }

  async verify(step: (progress: string) => Promise<boolean>): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const stem of this.#stems()) {
      problems.push(...(await packProblems(`${this.#packDir}/${stem}`)));
      if (!(await step(`checking ${stem}`))) break;
    }
    return problems;
  }

  /** No file is removed until the returned function is called, so that a backup can copy them. */
  hold(): Release {
    this.#holds++;
    return () => {
      this.#holds--;
    };
  }

  /** Waits for a merge under way. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#merging;
    for (const stem of this.#retired.keys()) this.#removePack(stem);
    for (const [stem, pack] of [...this.#packs]) this.#forget(stem, pack);
  }

  #startMerge(): void {
    if (this.#merging || this.#closing || Date.now() < this.#noMergeBefore) return;
    if (!this.#hasSoughtCovered) {
      this.#hasSoughtCovered = true;
      this.#mergeInBackground(this.#retireCovered());
      return;
    }
    const packs = chooseMerge([...this.#packs.values()]);
    if (packs.length === 0 || !this.#hasRoom()) return;
    this.#mergeInBackground(this.#merge(packs));
  }

  #mergeInBackground(work: Promise<void>): void {
    this.#merging = work
      .catch((error) => {
        this.#noMergeBefore = Date.now() + MERGE_RETRY_MS;
        this.#mergeFailed(error);
      })
      .finally(() => {
        this.#merging = undefined;
      });
  }

  /** At every moment each object is in a pack that can be found: the merged one appears before the others go. */
  async #merge(packs: readonly PackFile[]): Promise<void> {
    const temporary = temporaryPackPaths(this.#packDir);
    let merged: string;
    try {
      merged = await mergePacks(packs, temporary);
      await this.#publish(temporary, merged);
    } finally {
      removePaths(temporary);
    }
    for (const [stem, pack] of [...this.#packs]) {
      // A pack that holds all that the others do has the name of the merged one.
      if (stem === merged || !packs.includes(pack)) continue;
      this.#retire(stem, pack, RETIREMENT_MS);
    }
  }

  /** Merged packs that a crash kept from being removed. */
  async #retireCovered(): Promise<void> {
    const pace = new Pace(1);
    for await (const { pack, cover } of coveredPacks([...this.#packs.values()], () => pace.rest())) {
      // The crash may also have come between the name of the merged one and its sync.
      await syncDirectory(this.#packDir);
      if (this.#closing) return;
      const [stem, coverStem] = [pack, cover].map((one) => this.#stemOf(one));
      if (stem === undefined || coverStem === undefined) continue;
      const age = Date.now() - statSync(`${this.#packDir}/${coverStem}.idx`).mtimeMs;
      this.#retire(stem, pack, Math.min(Math.max(RETIREMENT_MS - age, 0), RETIREMENT_MS));
    }
  }

  #stemOf(pack: PackFile): string | undefined {
    return [...this.#packs].find(([, known]) => known === pack)?.[0];
  }

  #retire(stem: string, pack: PackFile, delayMs: number): void {
    this.#forget(stem, pack);
    this.#retired.set(stem, setTimeout(() => this.#removePack(stem), delayMs).unref());
  }

  /** What can't be removed now is tried again later, or found after the next start. */
  #removePack(stem: string): void {
    clearTimeout(this.#retired.get(stem));
    const isHeld = this.#holds > 0 && !this.#closing;
    const isGone =
      !isHeld && [".idx", ".pack"].every((suffix) => removeQuietly(`${this.#packDir}/${stem}${suffix}`));
    if (isGone || this.#closing) this.#retired.delete(stem);
    else this.#retired.set(stem, setTimeout(() => this.#removePack(stem), RETIREMENT_MS).unref());
  }

  /** Git finds a pack by its index, so the index must be the last to appear. */
  async #publish(temporary: PackPaths, stem: string): Promise<void> {
    // The same objects may have been merged before and are written again: the pack of that name must not be removed.
    clearTimeout(this.#retired.get(stem));
    this.#retired.delete(stem);
    this.#uncertain.add(stem);
    try {
      moveOrRemove(temporary.pack, `${this.#packDir}/${stem}.pack`);
      moveOrRemove(temporary.idx, `${this.#packDir}/${stem}.idx`);
    } catch (error) {
      removePaths(temporary);
      throw error;
    }
    await syncDirectory(this.#packDir);
    this.#uncertain.delete(stem);
    if (!this.#packs.has(stem)) this.#open(stem, false);
  }

  #get(id: ObjectId): GitObject | undefined {
    const found = this.#find(id);
    if (found) return found;
    // Stock git may have packed, repacked or added objects since the directory was read.
    return this.#scan() ? this.#find(id) : undefined;
  }

  #find(id: ObjectId): GitObject | undefined {
    this.#byCount ??= [...this.#packs.values()].sort((a, b) => b.count - a.count);
    const bytes = objectIdToBytes(id);
    const resolve = (base: ObjectId) => this.#find(base);
    for (const pack of this.#byCount) {
      const object = pack.get(bytes, resolve);
      if (object) return object;
    }
    return readLooseObject(this.#dir, id);
  }

  /** Of every pack that has an index, the name without suffix. */
  #stems(): ReadonlySet<string> {
    return new Set(
      readdirSync(this.#packDir)
        .filter((name) => name.startsWith("pack-") && name.endsWith(".idx"))
        .map((name) => name.slice(0, -".idx".length)),
    );
  }

  /** Opens packs that appeared and closes those that went; true if anything changed. */
  #scan(): boolean {
    const present = this.#stems();
    let changed = false;
    for (const [stem, pack] of this.#packs) {
      if (present.has(stem)) continue;
      this.#forget(stem, pack);
      changed = true;
    }
    for (const stem of present) {
      if (!this.#packs.has(stem) && !this.#retired.has(stem)) changed = this.#open(stem) || changed;
    }
    return changed;
  }

  #open(stem: string, hasDeltas?: boolean): boolean {
    try {
      this.#packs.set(stem, new PackFile(`${this.#packDir}/${stem}`, hasDeltas));
      this.#byCount = undefined;
      return true;
    } catch (error) {
      // A repack of stock git can remove it between our listing and our opening.
      if (isMissingFile(error)) return false;
      throw error;
    }
  }

  #forget(stem: string, pack: PackFile): void {
    this.#packs.delete(stem);
    this.#byCount = undefined;
    pack.close();
  }
}

/** On a full disk they would take what is left of it. */
function removePaths({ pack, idx }: PackPaths): void {
  for (const path of [pack, idx]) removeQuietly(path);
}
