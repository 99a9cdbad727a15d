import type { Digest } from "../../../../primitives/digest.ts";
import type {
  ListCursor,
  RegistryClient,
  UpstreamPage,
} from "../../../../registry/client/registry-client.ts";
import { type UpstreamAnswer, UpstreamBodyError } from "../../../../registry/client/upstream-answer.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";
import {
  type ImportSource,
  meaningfulTime,
  type SourceContent,
  SourceError,
  SourceFault,
  type SourceManifest,
  type SourceTag,
  type Untaken,
} from "./import-source.ts";
import { inParallel } from "./in-parallel.ts";
import { parsedManifest } from "./parsed-manifest.ts";

const PAGE = 1000;
/** More names than that are no list of a registry. */
const MAX_LISTED = 10_000_000;
/** Pages one after the other without a new name. */
const MAX_EMPTY_PAGES = 100;
/** Pauses after which a registry that can't be reached is asked again, in milliseconds. */
const PAUSES_MS = [500, 1000, 2000, 5000, 10_000, 20_000];
/** A registry that says to come back later than that ends the import, which can be run again then. */
const MAX_WAIT_MS = 15 * 60 * 1000;
/** Where a registry does not say how long to wait. */
const WAIT_MS = 30_000;
const MAX_WAITS = 60;

export interface RegistrySourceOptions {
  /** The repositories to ask for, of a registry that lists none; `undefined`: those that it lists. */
  readonly named: readonly RepositoryName[] | undefined;
  /** Called with why the registry is not asked for a while. */
  readonly pausing: (text: string) => void;
  /** Words a failure for the user, who gave flags and not the settings of a mirror. */
  readonly worded?: (reason: string) => string;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** A registry that is asked over HTTP. Failures that may pass are tried again. */
export class RegistrySource implements ImportSource {
  readonly kind = "a registry";
  readonly parallel = 8;
  readonly isDistant = true;
  readonly #client: RegistryClient;
  readonly #options: RegistrySourceOptions;
  readonly #sleep: (ms: number) => Promise<void>;
  #hasAnswered = false;
  #wasDenied = false;

  /** Closes the client in the end. */
  constructor(client: RegistryClient, options: RegistrySourceOptions) {
    this.#client = client;
    this.#options = options;
    this.#sleep = options.sleep ?? Bun.sleep;
  }

  get place(): string {
    return this.#client.url;
  }

  async repositories() {
    const { named } = this.#options;
    if (named) return { names: named, untaken: [] };
    const names = await this.#list<RepositoryName>((request) => this.#client.repositories(request));
    if (names instanceof SourceFault)
      throw new SourceError(this.#whyUnlisted(names.reason), { kind: "invalid" });
    return { names, untaken: [] };
  }

  #whyUnlisted(reason: string): string {
    const { origin, pathname } = new URL(this.place);
    const path = pathname.slice(1);
    if (path !== "")
      return `there is no list of repositories below ${this.place} (${reason}); if ${path} is a repository, use 'everlock import ${origin} --repositories ${path}'`;
    const login = this.#wasDenied ? "use the --login <user> of one who may see the list, or name" : "name";
    return `${this.place} does not list its repositories (${reason}); ${login} them, as in --repositories team/app`;
  }

  async content(repository: RepositoryName, isWanted: (tag: Tag) => boolean): Promise<SourceContent> {
    const listed = await this.#list<Tag>((request) => this.#client.tags(repository, request));
    if (listed instanceof SourceFault)
      return { tags: [], untagged: [], untaken: [{ what: repository, reason: listed.reason }] };
    const names = listed.filter(isWanted);
    const tags: SourceTag[] = [];
    const untaken: Untaken[] = [];
    const heads = await inParallel(names, this.parallel, (tag) =>
      this.#ask(() => this.#client.headManifest(repository, { kind: "tag", tag })),
    );
    for (const [i, tag] of names.entries()) {
      const head = heads[i];
      if (!head) continue;
      if (head instanceof SourceFault) untaken.push({ what: `${repository}:${tag}`, reason: head.reason });
      else tags.push({ tag, digest: head.digest, made: meaningfulTime(head.lastModified), earlier: [] });
    }
    return { tags, untagged: [], untaken };
  }

  async manifest(repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault> {
    const found = await this.#ask(() => this.#client.getManifest(repository, { kind: "digest", digest }));
    return found instanceof SourceFault ? found : parsedManifest(found.content, digest);
  }

  async referrers(repository: RepositoryName, digest: Digest): Promise<readonly Digest[] | SourceFault> {
    const found = await this.#ask(() => this.#client.referrers(repository, digest));
    return found instanceof SourceFault ? found : found.referrers.map((referrer) => referrer.digest);
  }

  async blob(repository: RepositoryName, digest: Digest, from: number, size: number) {
    const first = await this.#openBlob(repository, digest, from, size);
    if (first instanceof SourceFault)
      return new SourceFault(`the blob ${digest} can't be had: ${first.reason}`);
    return this.#bytes(repository, digest, { body: first, from, size });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }

  /** What breaks off is asked for again from there on. */
  async *#bytes(
    repository: RepositoryName,
    digest: Digest,
    { body: first, from, size }: { body: AsyncIterable<Uint8Array>; from: number; size: number },
  ): AsyncGenerator<Uint8Array> {
    let body = first;
    for (let [at, fruitless] = [from, 0]; ; fruitless++) {
      const before = at;
      try {
        for await (const chunk of body) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (!(error instanceof UpstreamBodyError) || error.failure.kind !== "unavailable") throw error;
        if (at > before) fruitless = 0;
        await this.#pauseFor(error.failure.reason, fruitless);
      }
      const next = await this.#openBlob(repository, digest, at, size);
      if (next instanceof SourceFault) throw new Error(next.reason);
      body = next;
    }
  }

  async #openBlob(repository: RepositoryName, digest: Digest, from: number, size: number) {
    // Nothing can be asked for after the last byte.
    if (from === size) return nothing();
    const found = await this.#ask(() => this.#client.openBlob(repository, digest, { from, size }));
    return found instanceof SourceFault ? found : found.body;
  }

  async #list<T>(
    read: (
      request: Parameters<RegistryClient["repositories"]>[0],
    ) => Promise<UpstreamAnswer<UpstreamPage<T>>>,
  ): Promise<T[] | SourceFault> {
    const found = new Set<T>();
    let emptyPages = 0;
    for (let cursor: ListCursor | undefined; ; ) {
      const page = await this.#ask(() => read({ limit: PAGE, after: cursor && { cursor } }));
      if (page instanceof SourceFault) return page;
      const before = found.size;
      for (const entry of page.entries) found.add(entry);
      cursor = page.next;
      if (cursor === undefined) return [...found];
      emptyPages = found.size > before ? 0 : emptyPages + 1;
      if (found.size > MAX_LISTED || emptyPages > MAX_EMPTY_PAGES)
        return new SourceFault("its list does not end");
    }
  }

  /** Rejects with `SourceError` if the registry can't be reached for a while. */
  async #ask<T>(request: () => Promise<UpstreamAnswer<T>>): Promise<T | SourceFault> {
    for (let [failures, waits] = [0, 0]; ; ) {
      const answer = await request();
      this.#hasAnswered ||= answer.kind !== "unavailable";
      this.#wasDenied ||= answer.kind === "denied";
      if (answer.kind === "found") return answer;
      if (answer.kind === "unknown") return new SourceFault("it is not there");
      const reason = this.#options.worded?.(answer.reason) ?? answer.reason;
      switch (answer.kind) {
        case "unavailable":
          await this.#pauseFor(reason, failures++);
          break;
        case "limited":
          if (++waits > MAX_WAITS) throw new SourceError(reason);
          await this.#waitFor(reason, answer.retryAfterMs ?? WAIT_MS);
          break;
        default:
          return new SourceFault(reason);
      }
    }
  }

  async #pauseFor(reason: string, failures: number): Promise<void> {
    // An address that never worked may well be wrong.
    const pause = this.#hasAnswered || failures === 0 ? PAUSES_MS[failures] : undefined;
    if (pause === undefined) throw new SourceError(reason);
    this.#options.pausing(`${reason}; trying again`);
    await this.#sleep(pause);
  }

  async #waitFor(reason: string, ms: number): Promise<void> {
    const seconds = Math.ceil(ms / 1000);
    if (ms > MAX_WAIT_MS) throw new SourceError(`${reason}; it may be asked again in ${seconds} s`);
    this.#options.pausing(`${reason}; going on in ${seconds} s`);
    await this.#sleep(ms);
  }
}

async function* nothing(): AsyncGenerator<never> {}
