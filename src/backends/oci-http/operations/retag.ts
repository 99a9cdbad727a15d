import type { Digest } from "../../../primitives/digest.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { NotAllowedError, NotFoundError } from "../../refusals.ts";
import { tagPath } from "../content/layout.ts";
import { formatEvent } from "../content/store-event.ts";
import { tagTarget } from "../content/tag-target.ts";
import { isImmutable } from "../policy/immutable-tags.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { changeable, requireRoleIn } from "./change-rights.ts";
import { type ContentServices, configOf } from "./registry-access.ts";

export interface RetagRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  /** The tag whose manifest is meant. */
  readonly source: Tag;
  /** The tag that is set. */
  readonly tag: Tag;
}

export interface RetagRecord {
  /** `undefined` if the tag named the manifest already. */
  readonly commit: ObjectId | undefined;
  readonly before: ObjectId;
  readonly digest: Digest;
  /** The manifest that the tag named before. */
  readonly previous: Digest | undefined;
}

/** Points a tag at the manifest of another tag, as one commit of the actor; requires push access. */
export async function retag(
  services: ContentServices,
  actor: Actor,
  { instance, repository, source, tag }: RetagRequest,
): Promise<RetagRecord> {
  const oci = services.instances.storeOf(instance);
  const terms = () => {
    const config = changeable(configOf(services, instance), actor);
    requireRoleIn(actor, config, [repository], { role: "writer", what: "tagging" });
    return config;
  };
  terms();
  let done: Omit<RetagRecord, "commit"> | undefined;
  const { commitId, changed } = await oci.store.transact(async (parent) => {
    const { immutable } = terms();
    const digest = await tagTarget(parent, repository, source);
    if (!digest || !parent.commitId)
      throw new NotFoundError(`no tag '${repository}:${source}' in '${instance}'`);
    const previous = await tagTarget(parent, repository, tag);
    if (previous && previous !== digest && isImmutable(tag, immutable))
      throw new NotAllowedError(`'${repository}:${tag}' is write-once and stands for ${previous}`);
    done = { before: parent.commitId, digest, previous };
    const origin = { client: actor.client, remote: actor.remote ?? "" };
    const message = formatEvent({
      kind: "retag",
      repository,
      source,
      digest,
      tags: [{ tag, previous }],
      origin,
    });
    const content = Buffer.from(`${digest}\n`);
    return { changes: [{ path: tagPath(repository, tag), content }], author: actor.identity, message };
  });
  if (!commitId || !done) throw new Error("a tag was set in an empty store");
  return { commit: changed ? commitId : undefined, ...done };
}
