import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotFoundError } from "../../refusals.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { isKnown } from "../store/known-repository.ts";
import { summarize } from "./image-summary.ts";
import { type ContentServices, holdsRole, requireReader, servedBy } from "./registry-access.ts";

/** Tags read from the index at once. */
const TAGS_AT_ONCE = 100;

export interface RepositoryRecord {
  readonly repository: RepositoryName;
  /** Number of tags. */
  readonly tags: number;
}

/** The repositories after `last` that the actor may read, in lexical order. */
export async function* listRepositories(
  services: ContentServices,
  actor: Actor,
  { instance, last = "" }: { readonly instance: InstanceName; readonly last?: string },
): AsyncGenerator<RepositoryRecord> {
  const { index } = (await servedBy(services, instance)).view;
  const pace = new Pace(1);
  for (const repository of index.repositoriesAfter(last)) {
    await pace.rest();
    if (!holdsRole(actor, instance, repository, "reader")) continue;
    yield { repository, tags: index.countTags(repository) };
  }
}

export interface TagRecord {
  readonly tag: Tag;
  readonly digest: Digest;
  /** Bytes of the blobs that a pull of all platforms downloads, each once. */
  readonly size: number;
  /** For example `linux/amd64`. */
  readonly platforms: readonly string[];
  /** When the tag was last set; `undefined` if the history has no commit for it. */
  readonly pushed: Date | undefined;
  /** The user who set it. */
  readonly by: string | undefined;
}

export interface TagsRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly last?: string;
}

/**
 * The tags of a repository after `last`, in lexical order. Rejects with `NotAllowedError` if the actor may not read a
 * repository of this name, whether it exists or not; with `NotFoundError` if it may, and there is none.
 */
export async function* listTags(
  services: ContentServices,
  actor: Actor,
  { instance, repository, last = "" }: TagsRequest,
): AsyncGenerator<TagRecord> {
  const { oci, view, until } = await servedBy(services, instance);
  requireReader(actor, instance, repository);
  if (!(await isKnown(view, repository)))
    throw new NotFoundError(`no repository '${repository}' in '${instance}'`);
  const source = {
    blobs: view.blobs,
    manifest: (of: RepositoryName, digest: Digest) => view.index.manifest(of, digest),
  };
  const pace = new Pace(1);
  for (let after: string | undefined = last; after !== undefined; ) {
    const tags: readonly Tag[] = view.index.tags(repository, after, TAGS_AT_ONCE);
    for (const tag of tags) {
      await pace.rest();
      const digest = view.index.tagDigest(repository, tag);
      if (!digest) continue;
      const event = await oci.history.lastEvent(repository, tag, until);
      const pushed = event && new Date(event.seconds * 1000);
      yield { tag, digest, ...(await summarize(source, repository, digest)), pushed, by: event?.user };
    }
    after = tags.length === TAGS_AT_ONCE ? tags.at(-1) : undefined;
  }
}
