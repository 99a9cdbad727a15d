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
/** Another run that was just killed may still be seen to write. */
const BUSY_PAUSE_MS = 200;
const MAX_BUSY = 100;
const MAX_WAITING = 1_000_000;

/** Copies blobs from a source to a target, several at once, each once for all who need it. */
export class BlobCopies {
  readonly #copying: Copying;
  readonly #turns: Semaphore;
  readonly #underWay = new Map<Digest, Promise<UncopiedBlob | undefined>>();
  readonly #missing = new Map<string, string>();

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
    const { target, watch } = this.#copying;
    const { digest, size } = blob;
    let [busy, received] = [0, -1];
    for (let attempt = 1; ; ) {
      const state = await target.findBlob(to, digest);
      if (state.kind === "held") {
        watch.found(size);
        return undefined;
      }
      // What arrived of a blob of another length is of no use.
      const start = Math.min(state.received, size);
      if (received < 0) watch.found(start);
      if (start <= received) attempt++;
      received = start;
      const { outcome, failure } = await this.#copy(from, { repository: to, digest, size, from: start });
      if (outcome instanceof SourceFault) return { reason: outcome.reason, isFinal: false };
      if (outcome.kind === "stored") return undefined;
      if (outcome.kind === "refused") return { reason: outcome.reason, isFinal: true };
      if (outcome.kind === "mismatch" && start === 0)
        return { reason: `the blob ${digest} is damaged there: its bytes are others`, isFinal: false };
      if (outcome.kind === "busy" && ++busy < MAX_BUSY) await Bun.sleep(BUSY_PAUSE_MS);
      else if (attempt > MAX_ATTEMPTS || busy >= MAX_BUSY) {
        const why = failure === undefined ? "it ends early" : messageOf(failure);
        return { reason: `the blob ${digest} can't be read there: ${why}`, isFinal: false };
      }
    }
  }

  async #copy(
    from: RepositoryName,
    blob: Parameters<ImportTarget["putBlob"]>[0],
  ): Promise<{ readonly outcome: BlobOutcome | SourceFault; readonly failure?: unknown }> {
    const { source, target, watch, tally } = this.#copying;
    const body = await source.blob(from, blob.digest, blob.from, blob.size);
    if (body instanceof SourceFault) return { outcome: body };
    let failure: unknown;
    const watched = async function* () {
      try {
        for await (const chunk of body) {
          watch.copied(chunk.length);
          tally.bytes += chunk.length;
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
