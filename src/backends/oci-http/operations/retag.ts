import type { Digest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { StoreName } from "../../../primitives/store/store-manager.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { nameOf, type Reference, type Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotAllowedError, NotFoundError } from "../../refusals.ts";
import { manifestPath, tagPath } from "../content/layout.ts";
import { formatEvent } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceConfig, InstanceName } from "../settings/instance-config.ts";
import { changeable, MovedMeanwhileError, requireRoleIn } from "./change-rights.ts";
import { type ContentServices, configOf } from "./registry-access.ts";

export interface RetagRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  /** The manifest that is meant, by another tag or its digest. */
  readonly source: Reference;
  /** The tag that is set. */
  readonly tag: Tag;
}

/** The effect of setting a tag, to be shown before it is carried out. */
export interface RetagProposal extends RetagRequest {
  readonly store: StoreName;
  readonly digest: Digest;
  /** The manifest that the tag names. */
  readonly previous: Digest | undefined;
  /** Why it can't be set; `undefined`: it can. */
  readonly obstacle: NotAllowedError | undefined;
}

export interface RetagRecord {
  /** `undefined` if the tag named the manifest already. */
  readonly commit: ObjectId | undefined;
  readonly before: ObjectId;
  readonly digest: Digest;
  /** The manifest that the tag named before. */
  readonly previous: Digest | undefined;
}

/** Plans to point a tag at a manifest; requires push access. */
export async function proposeRetag(
  services: ContentServices,
  actor: Actor,
  request: RetagRequest,
): Promise<RetagProposal> {
  const config = termsOf(services, actor, request);
  const state = services.instances.storeOf(request.instance).store.head();
  const { obstacle, ...move } = await moveIn(state, config, request);
  return { ...request, store: config.store, ...move, obstacle };
}

/**
 * Points a tag at a manifest of its repository, as one commit of the actor; requires push access. `proposal`: throws
 * `MovedMeanwhileError` unless it does exactly this.
 */
export async function retag(
  services: ContentServices,
  actor: Actor,
  request: RetagRequest,
  proposal?: RetagProposal,
): Promise<RetagRecord> {
  const { repository, source, tag, instance } = request;
  termsOf(services, actor, request);
  let done: Omit<RetagRecord, "commit"> | undefined;
  const { store } = services.instances.storeOf(instance);
  const { commitId, changed } = await store.transact(async (parent) => {
    const { digest, previous, obstacle } = await moveIn(parent, termsOf(services, actor, request), request);
    if (proposal && (proposal.digest !== digest || proposal.previous !== previous))
      throw new MovedMeanwhileError(
        `nothing was changed: a tag of '${repository}' has moved since the preview`,
      );
    if (obstacle) throw obstacle;
    if (!parent.commitId) throw new Error("a manifest in an empty store");
    done = { before: parent.commitId, digest, previous };
    const origin = { client: actor.client, remote: actor.remote ?? "" };
    const tags = [{ tag, previous }] as const;
    const message = formatEvent({ kind: "retag", repository, source, digest, tags, origin });
    const content = Buffer.from(`${digest}\n`);
    return { changes: [{ path: tagPath(repository, tag), content }], author: actor.identity, message };
  });
  if (!commitId || !done) throw new Error("a tag was set in an empty store");
  return { commit: changed ? commitId : undefined, ...done };
}

function termsOf(
  services: ContentServices,
  actor: Actor,
  { instance, repository }: RetagRequest,
): InstanceConfig {
  const config = changeable(configOf(services, instance), actor);
  requireRoleIn(actor, config, [repository], { role: "writer", what: "tagging" });
  return config;
}

/** What the tag would name in a state of the store. Throws `NotFoundError` if that is not there. */
async function moveIn(
  state: Snapshot,
  { immutable }: InstanceConfig,
  { instance, repository, source, tag }: RetagRequest,
): Promise<Pick<RetagProposal, "digest" | "previous" | "obstacle">> {
  const isTag = source.kind === "tag";
  const digest = isTag
    ? await tagTarget(state, repository, source.tag)
    : (await state.read(manifestPath(repository, source.digest))) && source.digest;
  if (!digest)
    throw new NotFoundError(
      `no ${isTag ? "tag" : "manifest"} '${repository}${isTag ? ":" : "@"}${nameOf(source)}' in '${instance}'`,
    );
  const previous = await tagTarget(state, repository, tag);
  const isFixed = previous !== undefined && previous !== digest && isImmutable(tag, immutable);
  const words = `'${repository}:${tag}' is write-once and stands for ${previous}`;
  return { digest, previous, obstacle: isFixed ? new NotAllowedError(words) : undefined };
}
