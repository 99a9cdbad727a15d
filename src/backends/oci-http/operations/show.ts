import type { Identity } from "../../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { Page } from "../../../registry/model/page.ts";
import type { Actor } from "../../actor.ts";
import { firstOf } from "../../first-of.ts";
import type { ContentChange } from "../content/content-changes.ts";
import { parseEvent } from "../content/store-event.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { caughtUp } from "./caught-up.ts";
import { readLogPage } from "./log-page.ts";
import { commitAt, type Moment } from "./moment.ts";
import { readableChanges } from "./readable-changes.ts";
import { readsAll } from "./readable-repositories.ts";
import { type ContentServices, servedBy } from "./registry-access.ts";
import { seenCommitAt, unseen } from "./seen-moment.ts";
import { redactedEvent, shownMessage } from "./shown-event.ts";

export interface CommitRecord {
  readonly id: ObjectId;
  /** The last commit before it that the actor may see; `undefined`: there is none. */
  readonly parent: ObjectId | undefined;
  readonly author: Identity;
  readonly time: Date;
  /** The subject and the trailers. */
  readonly message: string;
  /** The tags and manifests that the commit changed, in repositories that the actor may read. */
  readonly changes: Page<ContentChange>;
}

export interface ShowRequest {
  readonly instance: InstanceName;
  readonly commit: Moment;
  /** Most changes that are read. */
  readonly limit: number;
}

/** One commit; rejects as `requireSeen` does. Administrators see all. */
export async function showCommit(
  services: ContentServices,
  actor: Actor,
  { instance, commit, limit }: ShowRequest,
): Promise<CommitRecord> {
  const { oci, until } = await servedBy(services, instance);
  await caughtUp(services, instance);
  const id = await seenCommitAt(commitAt(oci, commit, until), actor, { instance, moment: commit });
  const { author, committer, message, parents } = await oci.store.commitAt(id);
  const range = { actor, instance, from: parents[0], to: id };
  const changes = await firstOf(readableChanges(oci.store, range), limit);
  if (changes.entries.length === 0 && !actor.isAdministrator()) throw unseen(commit);
  const redacted = redactedEvent(parseEvent(message), actor, instance);
  return {
    id,
    parent: await seenBefore(services, actor, { instance, id, parent: parents[0] }),
    author,
    time: new Date(committer.seconds * 1000),
    message: redacted ? `${redacted.subject}\n` : shownMessage(message, actor),
    changes,
  };
}

interface Child {
  readonly instance: InstanceName;
  readonly id: ObjectId;
  readonly parent: ObjectId | undefined;
}

/** Between this one and the commit there is nothing of which the actor may know. */
async function seenBefore(
  services: ContentServices,
  actor: Actor,
  { instance, id, parent }: Child,
): Promise<ObjectId | undefined> {
  if (parent === undefined || actor.isAdministrator() || readsAll(actor, instance)) return parent;
  const at: Moment = { point: { kind: "commit", prefix: id }, text: id };
  const { entries } = await readLogPage(services, actor, { instance, at, limit: 2 });
  return entries.find(({ commitId }) => commitId !== id)?.commitId;
}
