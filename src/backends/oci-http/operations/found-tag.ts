import type { Digest } from "../../../primitives/digest.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotFoundError } from "../../refusals.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { summarize } from "./image-summary.ts";
import { lastPullsOf } from "./last-pulls.ts";
import type { Moment } from "./moment.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { lastSetsOf, type RegistryState, stateOf } from "./registry-state.ts";
import { nextCleanup, type TagExpiry } from "./tag-expiry.ts";

export interface FoundTag {
  readonly tag: Tag;
  readonly digest: Digest;
  /** Bytes of the blobs that a pull of all platforms downloads, each once. */
  readonly size: number;
  /** For example `linux/amd64`. */
  readonly platforms: readonly string[];
  /** `undefined` if the manifest is missing. */
  readonly mediaType: string | undefined;
  readonly artifactType: string | undefined;
  /** When the tag was last set, and by whom; `undefined` if the history has no commit for it. */
  readonly pushed: Date | undefined;
  readonly by: string | undefined;
  /** The hour in which its manifest was last pulled by whatever tag; `undefined`: unknown, as of a past state. */
  readonly pulled: Date | undefined;
  /** Whether no later push can move it. */
  readonly isWriteOnce: boolean;
  /** Whether the next cleanup deletes it. */
  readonly expires: TagExpiry | undefined;
}

export interface TagRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly at?: Moment | undefined;
}

/** One tag. Rejects with `NotAllowedError` or `NotFoundError`. */
export async function describeTag(
  services: ContentServices,
  actor: Actor,
  { instance, repository, tag, at }: TagRequest,
): Promise<FoundTag> {
  const config = configOf(services, instance);
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  const describe = await tagDescriber(state, config, repository, [tag]);
  const found = await describe(tag);
  if (found) return found;
  throw new NotFoundError(`no tag '${tag}' in '${repository}'`);
}

/** Returns what describes any of the tags; that resolves to `undefined` for one that does not exist. */
export async function tagDescriber(
  state: RegistryState,
  config: InstanceConfig,
  repository: RepositoryName,
  tags: readonly Tag[],
): Promise<(tag: Tag) => Promise<FoundTag | undefined>> {
  const sets = await lastSetsOf(state, repository, tags);
  const pulls = await lastPullsOf(state);
  const expiries = state.past ? () => undefined : await nextCleanup(state, config, repository);
  return async (tag) => {
    const digest = await state.tagDigest(repository, tag);
    if (!digest) return undefined;
    const last = sets.get(tag);
    const manifest = parseStoredManifest((await state.manifest(repository, digest))?.content);
    return {
      tag,
      digest,
      ...(await summarize(state, repository, digest)),
      mediaType: manifest?.mediaType,
      artifactType: manifest?.artifactType,
      pushed: last && new Date(last.seconds * 1000),
      by: last?.user,
      pulled: pulls(repository, digest),
      isWriteOnce: isImmutable(tag, config.immutable),
      expires: expiries(tag, last),
    };
  };
}
