import { ExpectedError } from "../../../primitives/expected-error.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { StoreView } from "../store/store-view.ts";
import { type ContentServices, holdsRole, servedBy } from "./registry-access.ts";

/** Most repositories that are looked at, where the actor may read few of them. */
const MAX_EXAMINED = 5000;
/** Sorts after every character of a repository's name. */
const LAST = "\x7f";

export interface Beginning {
  readonly instance: InstanceName;
  readonly text: string;
  /** Most names that are returned. */
  readonly limit: number;
}

/** The first repositories by name that begin with a text and that the actor may read; none of a registry that can't be read. */
export async function repositoriesBeginning(
  services: ContentServices,
  actor: Actor,
  { instance, text, limit }: Beginning,
): Promise<RepositoryName[]> {
  const view = await viewOf(services, instance);
  const names: RepositoryName[] = [];
  if (!view) return names;
  const pace = new Pace(1);
  let examined = 0;
  const range = { from: text, before: text + LAST };
  for (const repository of view.index.repositoriesAfter("", limit, range)) {
    if (names.length === limit || examined++ === MAX_EXAMINED) break;
    await pace.rest();
    if (holdsRole(actor, instance, repository, "reader")) names.push(repository);
  }
  return names;
}

/** The first tags by name that begin with a text; none of a repository that the actor may not read. */
export async function tagsBeginning(
  services: ContentServices,
  actor: Actor,
  { instance, repository, text, limit }: Beginning & { readonly repository: RepositoryName },
): Promise<Tag[]> {
  const view = await viewOf(services, instance);
  if (!view || !holdsRole(actor, instance, repository, "reader")) return [];
  const whole = parseTag(text);
  const isTag = whole && view.index.tagDigest(repository, whole) !== undefined;
  const longer = view.index.tags(repository, text, limit).filter((tag) => tag.startsWith(text));
  return [...(isTag ? [whole] : []), ...longer].slice(0, limit);
}

async function viewOf(services: ContentServices, instance: InstanceName): Promise<StoreView | undefined> {
  try {
    return (await servedBy(services, instance)).view;
  } catch (error) {
    if (error instanceof ExpectedError) return undefined;
    throw error;
  }
}
