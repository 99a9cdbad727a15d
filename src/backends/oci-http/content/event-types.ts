import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Reference, Tag } from "../../../registry/model/tag.ts";

/** The origin of a change, from its HTTP request. */
export interface Origin {
  /** The client's User-Agent. */
  readonly client: string;
  /** The client's address, without port. */
  readonly remote: string;
}

/** A tag that is set or deleted. */
export interface TagMove {
  readonly tag: Tag;
  /** The digest that the tag named before the change. */
  readonly previous?: Digest | undefined;
}

/** How much a change of many tags and manifests concerns. */
export interface ContentCounts {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
}

/** A repository that gets the content of another one. */
interface CopiedRepository {
  readonly from: RepositoryName;
  readonly repository: RepositoryName;
  readonly tags: readonly TagMove[];
  readonly counts: ContentCounts;
  readonly origin: Origin;
}

/** The change that a commit of an OCI store makes. */
export type StoreEvent =
  /** `tags` is empty if the client pushed by digest. */
  | {
      readonly kind: "push";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tags: readonly TagMove[];
      readonly origin: Origin;
    }
  /** Like a push, of content that another registry or a file holds; `tags` is empty for a manifest without one. */
  | {
      readonly kind: "import";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tags: readonly TagMove[];
      /** The address of the registry, or the path of a directory or file. */
      readonly source: string;
      readonly origin: Origin;
    }
  /** What a client pulled was fetched from another registry and is kept; `tags` is empty if it was asked for by digest. */
  | {
      readonly kind: "mirror";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tags: readonly TagMove[];
      /** URL of the other registry. */
      readonly upstream: string;
      /** Other manifests that came with it, such as those of its platforms. */
      readonly also?: readonly Digest[];
      readonly origin: Origin;
    }
  | {
      readonly kind: "delete";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      /** With `byDigest`, the tags that are deleted because they named the manifest. */
      readonly tags: readonly TagMove[];
      readonly byDigest: boolean;
      readonly origin: Origin;
    }
  | {
      readonly kind: "restore";
      /** `undefined`: all repositories; the message then lists no tags. */
      readonly repository: RepositoryName | undefined;
      /** `after` is `undefined` for a tag that is deleted. */
      readonly tags: readonly (TagMove & { readonly after: Digest | undefined })[];
      /** The commit whose state is restored; `undefined`: the empty state before the first one. */
      readonly from: ObjectId | undefined;
      /** The frontend, or the User-Agent of an HTTP client. */
      readonly client: string;
      /** The client's address, without port. */
      readonly remote?: string | undefined;
      /** What is restored, as the user wrote it; given if that is neither a repository, a tag nor everything. */
      readonly selection?: string | undefined;
    }
  /** What a commit changed gets the state before it. */
  | {
      readonly kind: "undo";
      /** `undefined`: several repositories; the message then lists no tags. */
      readonly repository: RepositoryName | undefined;
      /** `after` is `undefined` for a tag that is deleted. */
      readonly tags: readonly (TagMove & { readonly after: Digest | undefined })[];
      readonly undoes: ObjectId;
      readonly origin: Origin;
    }
  /** A deletion of what a user selected. */
  | {
      readonly kind: "remove";
      /** `undefined`: several repositories; the message then lists no tags. */
      readonly repository: RepositoryName | undefined;
      /** As the user wrote it. */
      readonly selection: string;
      readonly tags: readonly TagMove[];
      readonly counts: ContentCounts;
      readonly origin: Origin;
    }
  | (CopiedRepository & { readonly kind: "copy" })
  | (CopiedRepository & { readonly kind: "rename" })
  /** A tag is pointed at a manifest of its repository. */
  | {
      readonly kind: "retag";
      readonly repository: RepositoryName;
      /** The manifest, as its user named it: by another tag or its digest. */
      readonly source: Reference;
      readonly digest: Digest;
      readonly tags: readonly [TagMove];
      readonly origin: Origin;
    }
  | {
      readonly kind: "cleanup";
      readonly repository: RepositoryName;
      readonly tags: readonly TagMove[];
      /** The cleanup rule as configured; or another setting that deletes, such as `keep-pulled=90d`. */
      readonly rule: string;
      /** The job that applied it; default: gc. */
      readonly client?: string;
    };
