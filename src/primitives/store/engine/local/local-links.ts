import { copyFileSync, existsSync, renameSync } from "node:fs";
import { basename } from "node:path";
import type { Digest } from "../../../digest.ts";
import { syncDirectory } from "../../../fs/durable.ts";
import type { Logger } from "../../../logging/logger.ts";
import { assertReadable, damageIn } from "../../../sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../sqlite/database-file.ts";
import { inspectDatabase } from "../../../sqlite/inspect-database.ts";
import type { LinkDamage, LinkOptions } from "../links.ts";
import { LINKS, REBUILT_LINKS } from "../sqlite-links/links-schema.ts";
import { ReplaceableLinks } from "../sqlite-links/replaceable-links.ts";
import { createLinks, LINKS_SCHEMA, salvageLinks } from "./links-database.ts";
import { LinksFile } from "./links-file.ts";

const DAMAGED_LINKS = "links.damaged.sqlite";
const UNFINISHED_LINKS = "links.new.sqlite";

/** A store whose links are opened. */
interface LinksContext extends LinkOptions {
  readonly dir: string;
  readonly store: string;
  readonly log: Logger;
}

/** The links of a store in its directory. */
export class LocalLinks extends ReplaceableLinks<LinksFile> {
  readonly #context: LinksContext;

  private constructor(context: LinksContext, file: LinksFile) {
    super(file);
    this.#context = context;
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

  add(scope: string, digest: Digest): Promise<void> {
    return this.file.add(scope, digest);
  }

  remove(scope: string, digest: Digest): Promise<boolean> {
    return this.file.remove(scope, digest);
  }

  drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void> {
    return this.file.drop(scope, digest, isUnneeded);
  }

  /** Does not wait for anything, so that no link is lost that is made meanwhile. */
  async repair(damage: LinkDamage): Promise<boolean> {
    if (!this.isConcerned(damage)) return false;
    const { dir, store, changed, log } = this.#context;
    const { path } = this.file;
    assertReadable(path);
    if (path !== `${dir}/${LINKS}`)
      throw new Error(
        `${basename(path)} is damaged (${damage.reason}) again; the next start makes another one`,
      );
    this.replaceFile(new LinksFile(rebuild(this.#context, path, damage.reason), changed));
    removeDatabase(path);
    log.info(`${basename(path)} of the store '${store}' was replaced`);
    return true;
  }

  override async close(): Promise<void> {
    await super.close();
    const path = `${this.#context.dir}/${LINKS}`;
    if (this.file.path !== path) renameDatabase(this.file.path, path);
  }
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
