import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotFoundError } from "../../refusals.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { summarize } from "./image-summary.ts";
import type { Moment } from "./moment.ts";
import { type ContentServices, configOf, holdsRole, requireReader, servedBy } from "./registry-access.ts";
import { lastSetsOf, stateOf } from "./registry-state.ts";

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
  /** The hour in which its manifest was last pulled by whatever tag; `undefined`: unknown, as of a past state. */
  readonly pulled: Date | undefined;
}

export interface TagsRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly last?: string;
  /** As of a moment. */
  readonly at?: Moment | undefined;
}

/**
 * The tags of a repository after `last`, in lexical order. Rejects with `NotAllowedError` if the actor may not read a
 * repository of this name, whether it exists or not; with `NotFoundError` if it may, and there is none.
 */
export async function* listTags(
  services: ContentServices,
  actor: Actor,
  { instance, repository, last = "", at }: TagsRequest,
): AsyncGenerator<TagRecord> {
  configOf(services, instance);
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  if (!(await state.isKnown(repository)))
    throw new NotFoundError(`no repository '${repository}' in '${instance}'`);
  const pace = new Pace(1);
  const { oci, past } = state;
  if (!past) await oci.pulls.refreshShown();
  for (let after: string | undefined = last; after !== undefined; ) {
    const tags: readonly Tag[] = await state.tags(repository, after, TAGS_AT_ONCE);
    const sets = await lastSetsOf(state, repository, tags);
    for (const tag of tags) {
      await pace.rest();
      const digest = await state.tagDigest(repository, tag);
      if (!digest) continue;
      const set = sets.get(tag);
      const pushed = set && new Date(set.seconds * 1000);
      const pulled = past ? undefined : oci.pulls.shown(repository, digest);
      yield { tag, digest, ...(await summarize(state, repository, digest)), pushed, by: set?.user, pulled };
    }
    after = tags.length === TAGS_AT_ONCE ? tags.at(-1) : undefined;
  }
}
