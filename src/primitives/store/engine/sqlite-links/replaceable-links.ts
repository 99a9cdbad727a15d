import type { Digest } from "../../../digest.ts";
import { damageIn } from "../../../sqlite/database-damage.ts";
import type { DatedLink, Link, LinkDamage, OwnedLinks } from "../links.ts";
import type { LinksTable } from "./links-table.ts";

/** Links in a file that gives way to another one if it is damaged, while it is being read. */
export abstract class ReplaceableLinks<F extends LinksTable> implements OwnedLinks {
  #file: F;
  /** Files that another one took the place of; calls that are under way read on in them. */
  readonly #replaced: F[] = [];

  protected constructor(file: F) {
    this.#file = file;
  }

  protected get file(): F {
    return this.#file;
  }

  abstract add(scope: string, digest: Digest): Promise<void>;
  abstract remove(scope: string, digest: Digest): Promise<boolean>;
  abstract drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void>;
  abstract repair(damage: LinkDamage): Promise<boolean>;

  time(): Date {
    return new Date();
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

  blobsOf(scope: string): Promise<Digest[]> {
    return this.#file.blobsOf(scope);
  }

  olderThan(seconds: number, last: Link | undefined, limit: number): Promise<DatedLink[]> {
    return this.#file.olderThan(seconds, last, limit);
  }

  isLinkedSince(digest: Digest, seconds: number): Promise<boolean> {
    return this.#file.isLinkedSince(digest, seconds);
  }

  linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>> {
    return this.#file.linkedSince(digests, seconds);
  }

  async close(): Promise<void> {
    for (const file of this.#replaced.splice(0)) await file.close();
    await this.#file.close();
  }

  protected replaceFile(next: F): void {
    this.#replaced.push(this.#file);
    this.#file = next;
  }

  protected isConcerned({ path }: LinkDamage): boolean {
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
