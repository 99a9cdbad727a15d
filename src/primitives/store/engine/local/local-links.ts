import { copyFileSync, existsSync, renameSync } from "node:fs";
import { basename } from "node:path";
import type { Digest } from "../../../digest.ts";
import { syncDirectory } from "../../../fs/durable.ts";
import type { Logger } from "../../../logging/logger.ts";
import { assertReadable, damageIn } from "../../../sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../sqlite/database-file.ts";
import { inspectDatabase } from "../../../sqlite/inspect-database.ts";
import { openForReading } from "../../../sqlite/open-database.ts";
import type { Link, LinkDamage, LinkOptions, OpenLinkReader, OwnedLinks } from "../links.ts";
import { createLinks, LINKS, LINKS_SCHEMA, REBUILT_LINKS, salvageLinks } from "./links-database.ts";
import { LinksFile, LinksFileReader } from "./links-file.ts";

const DAMAGED_LINKS = "links.damaged.sqlite";
const UNFINISHED_LINKS = "links.new.sqlite";

/** A store whose links are opened. */
interface LinksContext extends LinkOptions {
  readonly dir: string;
  readonly store: string;
  readonly log: Logger;
}

/** The links of a store in its directory. A file that is damaged gives way to another one, while it is being read. */
export class LocalLinks implements OwnedLinks {
  readonly #context: LinksContext;
  #file: LinksFile;
  /** Files that another one took the place of; calls that are under way read on in them. */
  readonly #replaced: LinksFile[] = [];

  private constructor(context: LinksContext, file: LinksFile) {
    this.#context = context;
    this.#file = file;
  }

  static async open(context: LinksContext): Promise<LocalLinks> {
    const { dir, changed } = context;
    const path = `${dir}/${LINKS}`;
    // A server that was killed leaves it behind before it could give it the usual name.
    if (existsSync(`${dir}/${REBUILT_LINKS}`)) renameDatabase(`${dir}/${REBUILT_LINKS}`, path);
    try {
      return new LocalLinks(context, new LinksFile(path, changed));
    } catch (error) {
      const reason = damageIn(error);
      if (reason === undefined) throw error;
      assertReadable(path);
      renameDatabase(rebuild(context, path, reason), path);
      await syncDirectory(dir);
      return new LocalLinks(context, new LinksFile(path, changed));
    }
  }

  has(scope: string, digest: Digest): Promise<boolean> {
    return this.#file.has(scope, digest);
  }

  hasAny(scope: string): Promise<boolean> {
    return this.#file.hasAny(scope);
  }

  scopesOf(digest: Digest, limit: number): Promise<string[]> {
    return this.#file.scopesOf(digest, limit);
  }

  add(scope: string, digest: Digest): Promise<void> {
    return this.#file.add(scope, digest);
  }

  remove(scope: string, digest: Digest): Promise<boolean> {
    return this.#file.remove(scope, digest);
  }

  blobsOf(scope: string): Promise<Digest[]> {
    return this.#file.blobsOf(scope);
  }

  olderThan(seconds: number, last: Link | undefined, limit: number): Promise<Link[]> {
    return this.#file.olderThan(seconds, last, limit);
  }

  isLinkedSince(digest: Digest, seconds: number): Promise<boolean> {
    return this.#file.isLinkedSince(digest, seconds);
  }

  linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>> {
    return this.#file.linkedSince(digests, seconds);
  }

  drop(scope: string, digest: Digest, isUnneeded: () => boolean): Promise<void> {
    return this.#file.drop(scope, digest, isUnneeded);
  }

  /** Does not wait for anything, so that no link is lost that is made meanwhile. */
  async repair(damage: LinkDamage): Promise<boolean> {
    if (!this.#isConcerned(damage)) return false;
    const { dir, store, changed, log } = this.#context;
    const before = this.#file;
    assertReadable(before.path);
    if (before.path !== `${dir}/${LINKS}`)
      throw new Error(
        `${basename(before.path)} is damaged (${damage.reason}) again; the next start makes another one`,
      );
    this.#file = new LinksFile(rebuild(this.#context, before.path, damage.reason), changed);
    removeDatabase(before.path);
    this.#replaced.push(before);
    log.info(`${basename(before.path)} of the store '${store}' was replaced`);
    return true;
  }

  async close(): Promise<void> {
    for (const file of this.#replaced.splice(0)) await file.close();
    await this.#file.close();
    const path = `${this.#context.dir}/${LINKS}`;
    if (this.#file.path !== path) renameDatabase(this.#file.path, path);
  }

  #isConcerned({ path }: LinkDamage): boolean {
    if (path !== undefined) return path === this.#file.path;
    try {
      this.#file.check();
      return false;
    } catch (error) {
      if (damageIn(error) === undefined) throw error;
      return true;
    }
  }
}

/** Opens the links in a store's directory, which its owner has open. */
export function readLocalLinks(dir: string): OpenLinkReader {
  const path = [REBUILT_LINKS, LINKS].map((name) => `${dir}/${name}`).find((file) => existsSync(file));
  return new LinksFileReader(openForReading(path ?? `${dir}/${LINKS}`));
}

/** What is wrong with the links in a store's directory, a line each. Nothing is changed. */
export async function checkLocalLinks(dir: string): Promise<readonly string[]> {
  const links = await inspectDatabase(`${dir}/${LINKS}`, LINKS_SCHEMA);
  if (typeof links === "string") return [];
  return [
    `${LINKS} is damaged (${links.damage}); the next start of the server makes a new one of what can be read of it and of the manifests`,
  ];
}

/**
 * Makes a new file of links beside the damaged one at `path`, of what can still be read of that and of what is needed, and
 * keeps a copy of the damaged one. Returns the path of the new one.
 */
function rebuild({ dir, store, needed, log }: LinksContext, path: string, reason: string): string {
  const [unfinished, rebuilt] = [`${dir}/${UNFINISHED_LINKS}`, `${dir}/${REBUILT_LINKS}`];
  removeDatabase(unfinished);
  const salvaged = salvageLinks(path);
  const linkedAt = Math.floor(Date.now() / 1000);
  const added = Array.from(needed(), (link) => ({ ...link, linkedAt }));
  createLinks(unfinished, [...salvaged, ...added]);
  copyFileSync(path, `${dir}/${DAMAGED_LINKS}`);
  renameSync(unfinished, rebuilt);
  log.warn(
    `${basename(path)} of the store '${store}' is damaged (${reason}); ${DAMAGED_LINKS} is a copy of it, and a new one has the ` +
      `${salvaged.length} links that could be read and those of all manifests: only blobs that were pushed without a manifest ` +
      "may have to be pushed again",
  );
  return rebuilt;
}
