import { Semaphore } from "../../../primitives/bounds/semaphore.ts";
import type { Digest } from "../../../primitives/digest.ts";
import { messageOf } from "../../../primitives/expected-error.ts";
import type { NamedContent } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type ImportSource, SourceError, SourceFault } from "./sources/import-source.ts";
import type { BlobOutcome, ImportTarget } from "./target/import-target.ts";

/** Is told of each step of a copy. */
export interface CopyWatch {
  copied(bytes: number): void;
  /** So many bytes need not be copied. */
  found(bytes: number): void;
}

interface Copying {
  readonly source: ImportSource;
  readonly target: ImportTarget;
  readonly watch: CopyWatch;
  readonly tally: { bytes: number };
}

/** Why a blob was not copied; `isFinal`: and the manifest can't be stored without it whatever the registry allows. */
export interface UncopiedBlob {
  readonly reason: string;
  readonly isFinal: boolean;
}

const MAX_ATTEMPTS = 5;
/** Between looks at a blob that another import is writing, in milliseconds; one that was just killed may still be seen to write. */
const PAUSES_MS = [200, 200, 200, 500, 1000];
/** So many looks in which nothing more of it arrived. */
const MAX_STILL = 1200;
const MAX_WAITING = 1_000_000;

/** Copies blobs from a source to a target, several at once, each once for all who need it. */
export class BlobCopies {
  readonly #copying: Copying;
  readonly #turns: Semaphore;
  readonly #underWay = new Map<Digest, Promise<UncopiedBlob | undefined>>();
  readonly #missing = new Map<string, string>();
  /** How many bytes of a blob `watch` was told of: what several images share is part of the total once. */
  readonly #told = new Map<Digest, number>();

  constructor(copying: Copying) {
    this.#copying = copying;
    this.#turns = new Semaphore(copying.source.parallel, MAX_WAITING);
  }

  /** Resolves when the repository of the target has the blob, or with the reason why it can't have it. */
  async ensure(
    { from, to }: { readonly from: RepositoryName; readonly to: RepositoryName },
    blob: NamedContent,
  ): Promise<UncopiedBlob | undefined> {
    // The same blob for another repository: it is given to that once it is there.
    while (this.#underWay.has(blob.digest)) await this.#underWay.get(blob.digest)?.catch(() => undefined);
    const copy = this.#turns.run(() => this.#ensure(from, to, blob));
    this.#underWay.set(blob.digest, copy);
    try {
      const uncopied = await copy;
      if (uncopied) this.#missing.set(`${to} ${blob.digest}`, uncopied.reason);
      return uncopied;
    } finally {
      this.#underWay.delete(blob.digest);
    }
  }

  /** Why one of the blobs was not copied to a repository, if so. */
  whyMissing(to: RepositoryName, blobs: readonly NamedContent[]): string | undefined {
    const missing = blobs.find(({ digest }) => this.#missing.has(`${to} ${digest}`));
    return missing && this.#missing.get(`${to} ${missing.digest}`);
  }

  async #ensure(
    from: RepositoryName,
    to: RepositoryName,
    blob: NamedContent,
  ): Promise<UncopiedBlob | undefined> {
    const { target } = this.#copying;
    const { digest, size } = blob;
    let [still, received] = [0, -1];
    for (let attempt = 1; ; ) {
      const state = await target.findBlob(to, digest);
      if (state.kind === "held") {
        this.#tellFound(digest, size);
        return undefined;
      }
      // What arrived of a blob of another length is of no use.
      const start = Math.min(state.received, size);
      this.#tellFound(digest, start);
      if (start > received) still = 0;
      let isBusy = state.isBusy;
      if (!isBusy) {
        if (start <= received) attempt++;
        const { outcome, failure } = await this.#copy(from, { repository: to, digest, size, from: start });
        if (outcome instanceof SourceFault) return { reason: outcome.reason, isFinal: false };
        if (outcome.kind === "stored") return undefined;
        if (outcome.kind === "refused") return { reason: outcome.reason, isFinal: true };
        if (outcome.kind === "mismatch" && start === 0)
          return { reason: `the blob ${digest} is damaged there: its bytes are others`, isFinal: false };
        isBusy = outcome.kind === "busy";
        if (!isBusy && attempt > MAX_ATTEMPTS) {
          const why = failure === undefined ? "it ends early" : messageOf(failure);
          return { reason: `the blob ${digest} can't be read there: ${why}`, isFinal: false };
        }
      }
      received = start;
      if (isBusy && !(await this.#pause(still++)))
        return {
          reason: `another import is still writing the blob ${digest}; run this one again`,
          isFinal: false,
        };
    }
  }

  /** So many bytes of a blob need not be copied. */
  #tellFound(digest: Digest, bytes: number): void {
    const told = this.#told.get(digest) ?? 0;
    if (bytes <= told) return;
    this.#told.set(digest, bytes);
    this.#copying.watch.found(bytes - told);
  }

  /** False once another import has written nothing for long. */
  async #pause(still: number): Promise<boolean> {
    if (still >= MAX_STILL) return false;
    await Bun.sleep(PAUSES_MS[still] ?? PAUSES_MS.at(-1) ?? 0);
    this.#copying.watch.copied(0);
    return true;
  }

  async #copy(
    from: RepositoryName,
    blob: Parameters<ImportTarget["putBlob"]>[0],
  ): Promise<{ readonly outcome: BlobOutcome | SourceFault; readonly failure?: unknown }> {
    const { source, target, watch, tally } = this.#copying;
    const body = await source.blob(from, blob.digest, blob.from, blob.size);
    if (body instanceof SourceFault) return { outcome: body };
    const told = this.#told;
    let at = blob.from;
    let failure: unknown;
    const watched = async function* () {
      try {
        for await (const chunk of body) {
          watch.copied(chunk.length);
          tally.bytes += chunk.length;
          at += chunk.length;
          told.set(blob.digest, Math.max(at, told.get(blob.digest) ?? 0));
          yield chunk;
        }
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    try {
      const outcome = await target.putBlob(blob, watched());
      if (failure instanceof SourceError) throw failure;
      return { outcome, failure };
    } catch (error) {
      if (failure === undefined || failure instanceof SourceError) throw failure ?? error;
      return { outcome: { kind: "incomplete", received: 0 }, failure };
    }
  }
}
