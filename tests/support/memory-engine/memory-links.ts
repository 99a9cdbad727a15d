import type { Digest } from "../../../src/primitives/digest.ts";
import type { DatedLink, Link, LinkOptions, OwnedLinks } from "../../../src/primitives/store/engine/links.ts";

export type KeptLinks = Map<string, DatedLink>;

/** Links in memory, which nothing damages. */
export class MemoryLinks implements OwnedLinks {
  readonly #kept: KeptLinks;
  readonly #changed: LinkOptions["changed"];

  constructor(kept: KeptLinks, changed: LinkOptions["changed"]) {
    this.#kept = kept;
    this.#changed = changed;
  }

  time(): Date {
    return new Date();
  }

  async has(scope: string, digest: Digest): Promise<boolean> {
    return this.#kept.has(keyOf(scope, digest));
  }

  async hasAny(scope: string): Promise<boolean> {
    return this.#select((link) => link.scope === scope).length > 0;
  }

  async scopesOf(digest: Digest, limit: number): Promise<string[]> {
    return this.#select((link) => link.digest === digest)
      .slice(0, limit)
      .map(({ scope }) => scope);
  }

  async add(scope: string, digest: Digest): Promise<void> {
    this.#kept.set(keyOf(scope, digest), { scope, digest, linkedAt: Math.floor(Date.now() / 1000) });
    this.#changed(scope, "change");
  }

  async remove(scope: string, digest: Digest): Promise<boolean> {
    const hasExisted = this.#kept.delete(keyOf(scope, digest));
    this.#changed(scope, "removal");
    return hasExisted;
  }

  async blobsOf(scope: string): Promise<Digest[]> {
    return this.#select((link) => link.scope === scope).map(({ digest }) => digest);
  }

  async olderThan(seconds: number, last: Link | undefined, limit: number): Promise<DatedLink[]> {
    const after = last ? keyOf(last.scope, last.digest) : "";
    return this.#select((link) => link.linkedAt < seconds && keyOf(link.scope, link.digest) > after).slice(
      0,
      limit,
    );
  }

  async isLinkedSince(digest: Digest, seconds: number): Promise<boolean> {
    return (await this.linkedSince([digest], seconds)).size > 0;
  }

  async linkedSince(digests: readonly Digest[], seconds: number): Promise<Set<Digest>> {
    const found = this.#select((link) => digests.includes(link.digest) && link.linkedAt >= seconds);
    return new Set(found.map(({ digest }) => digest));
  }

  async drop(scope: string, digest: Digest, isUnneeded: () => boolean | Promise<boolean>): Promise<void> {
    const key = keyOf(scope, digest);
    const link = this.#kept.get(key);
    this.#kept.delete(key);
    this.#changed(scope, "removal");
    if (!link) return;
    const verdict = isUnneeded();
    if (typeof verdict === "boolean" ? verdict : await verdict) return;
    this.#kept.set(key, link);
    this.#changed(scope, "change");
  }

  async repair(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {}

  #select(isWanted: (link: DatedLink) => boolean): DatedLink[] {
    return [...this.#kept]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, link]) => link)
      .filter(isWanted);
  }
}

/** Sorts by scope and then by digest. */
function keyOf(scope: string, digest: Digest): string {
  return `${scope}\0${digest}`;
}
