import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Actor } from "../../actor.ts";
import { NotFoundError } from "../../refusals.ts";
import { lastPush } from "../history/tag-sets.ts";
import { type CleanupRule, ruleFor } from "../policy/cleanup-rules.ts";
import type { TagPattern } from "../policy/immutable-tags.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { repositoriesIn } from "../summaries/summary-pages.ts";
import { lastPullsOf } from "./last-pulls.ts";
import type { Moment } from "./moment.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";
import { newestHistory, stateOf, summariesOf } from "./registry-state.ts";

/** One repository, and the rules of the registry that apply to it. */
export interface RepositoryRecord {
  readonly repository: RepositoryName;
  /** Tags, and bytes of its content, each blob once; `undefined` if not counted, as in the past. */
  readonly tags: number | undefined;
  readonly size: number | undefined;
  /** When something was last added, and by whom. */
  readonly pushed: Date | undefined;
  readonly by: string | undefined;
  /** The hour of the last pull of anything in it; `undefined`: unknown, as of a past state. */
  readonly pulled: Date | undefined;
  /** The tags that can be set only once. */
  readonly writeOnce: readonly TagPattern[];
  /** The rule by which content is deleted. */
  readonly cleanup: CleanupRule | undefined;
  /** Whether it can be changed at all: not a past state, and not while the registry is read-only. */
  readonly isReadOnly: boolean;
}

export interface RepositoryRequest {
  readonly instance: InstanceName;
  readonly repository: RepositoryName;
  readonly at?: Moment | undefined;
}

/** Rejects with `NotAllowedError` or `NotFoundError`, as `searchTags` does. */
export async function describeRepository(
  services: ContentServices,
  actor: Actor,
  { instance, repository, at }: RepositoryRequest,
): Promise<RepositoryRecord> {
  const config = configOf(services, instance);
  requireReader(actor, instance, repository);
  const state = await stateOf(services, instance, at);
  if (!(await state.isKnown(repository)))
    throw new NotFoundError(`no repository '${repository}' in '${instance}'`);
  const { oci, past } = state;
  const last = past
    ? lastPush(past.history, repository, past.seq)
    : await newestHistory(state, () => lastPush(oci.history, repository));
  const db = past ? undefined : await summariesOf(state);
  const [counted] = db
    ? repositoriesIn(db, "name", { from: repository, before: `${repository}\0` as RepositoryName })
    : [];
  return {
    repository,
    tags: counted?.tags,
    size: counted?.size,
    pushed: last && new Date(last.seconds * 1000),
    by: last?.user,
    pulled: (await lastPullsOf(state))(repository),
    writeOnce: config.immutable,
    cleanup: ruleFor(config.cleanup, repository),
    isReadOnly: past !== undefined || config.mode === "read-only" || config.follow !== undefined,
  };
}
