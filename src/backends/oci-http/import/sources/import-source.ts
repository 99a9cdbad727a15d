import type { Digest } from "../../../../primitives/digest.ts";
import { ExpectedError } from "../../../../primitives/expected-error.ts";
import type { PushedManifest } from "../../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../../registry/model/repository-name.ts";
import type { Tag } from "../../../../registry/model/tag.ts";

/** What a tag named from some time on. */
export interface SourceMove {
  readonly digest: Digest;
  /** When it was set, or the manifest made, in seconds since the epoch; `undefined` if the source does not say. */
  readonly made: number | undefined;
}

export interface SourceTag extends SourceMove {
  readonly tag: Tag;
  /** What the tag named before, as far as the source knows, the oldest first. */
  readonly earlier: readonly SourceMove[];
}

/** Something that can't be imported; `reason` is one line for the user. */
export interface Untaken {
  /** A repository, `<repository>:<tag>`, `<repository>@<digest>`, or a file. */
  readonly what: string;
  readonly reason: string;
}

/** What a repository of a source holds. */
export interface SourceContent {
  readonly tags: readonly SourceTag[];
  /** Further manifests, as far as the source lists any. */
  readonly untagged: readonly SourceMove[];
  readonly untaken: readonly Untaken[];
}

export interface SourceManifest extends PushedManifest {
  readonly content: Uint8Array;
}

/** Why something can't be read from a source, in one line for the user. */
export class SourceFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * The source as a whole can't be read, now or at all: the import ends, and may be run again. With the kind `invalid`, only
 * after it was asked for otherwise.
 */
export class SourceError extends ExpectedError {
  override readonly name = "SourceError";

  constructor(message: string, options: ErrorOptions & { readonly kind?: "invalid" } = {}) {
    super(message, { kind: "unavailable", ...options });
  }
}

/** Where images are imported from. Methods reject with `SourceError` if it is gone. */
export interface ImportSource extends AsyncDisposable {
  /** Its address or path, without credentials, for messages and commits. */
  readonly place: string;
  /** What is imported, for messages, such as `distribution's directory`. */
  readonly kind: string;
  /** How many files or connections are read at once. */
  readonly parallel: number;
  /** Whether a look at all of it takes long: then each repository is imported before the next one is looked at. */
  readonly isDistant?: boolean;
  repositories(): Promise<{
    readonly names: readonly RepositoryName[];
    readonly untaken: readonly Untaken[];
  }>;
  /** `isWanted`: other tags need not be read. */
  content(repository: RepositoryName, isWanted: (tag: Tag) => boolean): Promise<SourceContent>;
  /** A manifest whose bytes have the digest. */
  manifest(repository: RepositoryName, digest: Digest): Promise<SourceManifest | SourceFault>;
  /** Manifests whose subject is the given one; where there is none such, `content` lists all manifests. */
  referrers?(repository: RepositoryName, digest: Digest): Promise<readonly Digest[] | SourceFault>;
  /** The bytes of a blob from an offset on. They may turn out to be others than the digest says. */
  blob(
    repository: RepositoryName,
    digest: Digest,
    from: number,
    size: number,
  ): Promise<AsyncIterable<Uint8Array> | SourceFault>;
}

/** A time before this is none: builds that are to be reproducible date their images to 1970 or 1980. */
const EARLIEST = Date.UTC(1981, 0) / 1000;

/** Seconds since the epoch, unless the time means nothing. */
export function meaningfulTime(date: Date | undefined): number | undefined {
  const seconds = date && Math.floor(date.getTime() / 1000);
  return seconds !== undefined && seconds >= EARLIEST ? seconds : undefined;
}
