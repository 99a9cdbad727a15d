import { existsSync, mkdirSync } from "node:fs";
import { basename } from "node:path";
import type { Digest } from "../../../../digest.ts";
import type { Logger } from "../../../../logging/logger.ts";
import type { Release } from "../../../../release.ts";
import { assertReadable, damageIn } from "../../../../sqlite/database-damage.ts";
import { removeDatabase, renameDatabase } from "../../../../sqlite/database-file.ts";
import { inspectDatabase } from "../../../../sqlite/inspect-database.ts";
import type { LinkDamage, LinkOptions } from "../../links.ts";
import { LINKS, REBUILT_LINKS } from "../../sqlite-links/links-schema.ts";
import { ReplaceableLinks } from "../../sqlite-links/replaceable-links.ts";
import type { S3LogRecord } from "../log/log-entry.ts";
import type { StoreLog } from "../log/store-log.ts";
import { LinksProjection, PROJECTION_SCHEMA } from "./links-projection.ts";

const UNFINISHED_LINKS = "links.new.sqlite";

export interface S3LinksOptions extends Pick<LinkOptions, "changed"> {
  readonly storeLog: Pick<StoreLog, "refresh" | "record" | "followRecords">;
  /** A directory of this machine, whose content may be lost. */
  readonly dir: string;
  readonly store: string;
  readonly log: Logger;
  /** By the clock of the object store. */
  readonly time: () => Date;
}

/**
 * Links as records in the log of a store. Each node has a file of what they lead to, from which it reads; a file that is
 * missing or damaged is made again from the log.
 *
 * Times are those of the object store's clock, so that all nodes agree on the age of a link.
 */
export class S3Links extends ReplaceableLinks<LinksProjection> {
  readonly #options: S3LinksOptions;
  #stopFollowing: Release = () => undefined;
  #rebuilding: Promise<void> | undefined;

  private constructor(options: S3LinksOptions, file: LinksProjection) {
    super(file);
    this.#options = options;
  }

  static async open(options: S3LinksOptions): Promise<S3Links> {
    const { dir, store, log } = options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = `${dir}/${LINKS}`;
    // A server that was killed leaves it behind before it could give it the usual name.
    if (existsSync(`${dir}/${REBUILT_LINKS}`)) renameDatabase(`${dir}/${REBUILT_LINKS}`, path);
    try {
      return await S3Links.#openAt(path, options);
    } catch (error) {
      const reason = damageIn(error);
      if (reason === undefined) throw error;
      assertReadable(path);
      log.warn(madeAgain(LINKS, store, reason));
      removeDatabase(path);
      return await S3Links.#openAt(path, options);
    }
  }

  static async #openAt(path: string, options: S3LinksOptions): Promise<S3Links> {
    const file = new LinksProjection(path, options.changed);
    const links = new S3Links(options, file);
    try {
      links.#stopFollowing = await links.#follow(file);
      return links;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async add(scope: string, digest: Digest): Promise<void> {
    await this.#record({ kind: "link", scope, digest, seconds: this.#seconds() });
  }

  async remove(scope: string, digest: Digest): Promise<boolean> {
    // Perhaps another node has just made it.
    if (this.file.linkedAt(scope, digest) === undefined) await this.#options.storeLog.refresh();
    const linkedAt = this.file.linkedAt(scope, digest);
    if (linkedAt === undefined) return false;
    // Each node knows the time of the store to a second or two.
    const seconds = Math.max(linkedAt, this.#seconds());
    await this.#record({ kind: "unlink", scope, digest, seconds });
    return true;
  }

  async drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void> {
    const seconds = this.file.linkedAt(scope, digest);
    if (seconds === undefined) return;
    await this.#record({ kind: "unlink", scope, digest, seconds });
    // Another node has made it again.
    if (this.file.linkedAt(scope, digest) !== undefined) return;
    if (!(await isUnneeded())) await this.#record({ kind: "link", scope, digest, seconds });
  }

  async repair(damage: LinkDamage): Promise<boolean> {
    if (!this.#rebuilding && !this.isConcerned(damage)) return false;
    await this.#rebuild(damage.reason);
    return true;
  }

  override async close(): Promise<void> {
    this.#stopFollowing();
    await this.#rebuilding?.catch(() => undefined);
    await super.close();
    const path = `${this.#options.dir}/${LINKS}`;
    if (this.file.path !== path) renameDatabase(this.file.path, path);
  }

  override time(): Date {
    return this.#options.time();
  }

  /** Since the epoch. */
  #seconds(): number {
    return Math.floor(this.time().getTime() / 1000);
  }

  #record(record: S3LogRecord): Promise<void> {
    return this.#options.storeLog.record([record]);
  }

  /** Damage of the file fails who reads the log, so that it is reported and repaired. */
  #follow(file: LinksProjection): Promise<Release> {
    return this.#options.storeLog.followRecords(file.position, file);
  }

  #rebuild(reason: string): Promise<void> {
    this.#rebuilding ??= this.#replace(reason).finally(() => {
      this.#rebuilding = undefined;
    });
    return this.#rebuilding;
  }

  async #replace(reason: string): Promise<void> {
    const { dir, store, changed, log } = this.#options;
    const { path } = this.file;
    const name = basename(path);
    assertReadable(path);
    if (name !== LINKS)
      throw new Error(`${name} is damaged (${reason}) again; the next start makes another one`);
    log.warn(madeAgain(name, store, reason));
    const [unfinished, rebuilt] = [`${dir}/${UNFINISHED_LINKS}`, `${dir}/${REBUILT_LINKS}`];
    removeDatabase(unfinished);
    await this.#fill(unfinished);
    renameDatabase(unfinished, rebuilt);
    const next = new LinksProjection(rebuilt, changed);
    try {
      const stopFollowing = await this.#follow(next);
      this.#stopFollowing();
      this.#stopFollowing = stopFollowing;
    } catch (error) {
      next.close();
      removeDatabase(rebuilt);
      throw error;
    }
    this.replaceFile(next);
    removeDatabase(path);
    log.info(`${name} of the store '${store}' was replaced`);
  }

  /** Makes a file of all records that this node has read. */
  async #fill(path: string): Promise<void> {
    const file = new LinksProjection(path, () => undefined);
    try {
      const stop = await this.#follow(file);
      stop();
    } finally {
      file.close();
    }
  }
}

function madeAgain(name: string, store: string, reason: string): string {
  return `${name} of the store '${store}' is damaged (${reason}) and is made again from the log`;
}

/** What is wrong with the file of links in a directory, a line each. Nothing is changed. */
export async function checkS3Links(dir: string): Promise<readonly string[]> {
  const links = await inspectDatabase(`${dir}/${LINKS}`, PROJECTION_SCHEMA);
  if (typeof links === "string") return [];
  return [`${LINKS} is damaged (${links.damage}); the next start of the server makes it again from the log`];
}
