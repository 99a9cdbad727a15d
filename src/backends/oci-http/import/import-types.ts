import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { ManifestReader } from "./manifest-reader.ts";
import type { ImportSource, Untaken } from "./sources/import-source.ts";
import type { ImportTarget } from "./target/import-target.ts";

export interface ImportSelection {
  includes(repository: RepositoryName): boolean;
  /** Of a repository that is included. */
  includesTag(repository: RepositoryName, tag: Tag): boolean;
  /** Whether manifests that no tag names are included. */
  includesUntagged(repository: RepositoryName): boolean;
  /** Put before the names of repositories, such as `old/`; may be empty. */
  readonly prefix: string;
}

/** What one tag named at one time, or a manifest without a tag, with the manifests that it names and the target lacks. */
export interface ImportStep {
  /** In the source. */
  readonly from: RepositoryName;
  readonly to: RepositoryName;
  readonly tag: Tag | undefined;
  readonly digest: Digest;
  /** In seconds since the epoch. */
  readonly made: number | undefined;
  /** Manifests of an index; each comes before those that name it. */
  readonly children: readonly Digest[];
}

export interface ImportPlan {
  /** The oldest first. */
  readonly steps: readonly ImportStep[];
  /** Of all blobs that the steps need. */
  readonly bytes: number;
  /** Tags and manifests that the target has already. */
  readonly present: number;
  /** What is not imported because it was changed in the target since. */
  readonly kept: readonly Untaken[];
  readonly untaken: readonly Untaken[];
}

export interface Planning {
  readonly source: ImportSource;
  readonly target: ImportTarget;
  readonly manifests: ManifestReader;
  readonly selection: ImportSelection;
  /** Called now and then. */
  readonly progress: (text: string) => void;
}
