import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { StorePath } from "../../../primitives/store/commits/store-path.ts";
import { NO_COMMIT, type ObjectId, parseObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { parseOciPath, tagPath, tagsPrefix } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { checkLimit, decodedCursor, encodedCursor } from "./found-page.ts";
import { type Moment, stateAt } from "./moment.ts";
import { type ContentServices, holdsRole, requireReader, servedBy } from "./registry-access.ts";
import { requireSeen } from "./seen-moment.ts";

export interface CompareRequest {
  readonly instance: InstanceName;
  /** `undefined`: all. */
  readonly repository?: RepositoryName | undefined;
  readonly from: Moment;
  /** `undefined`: the newest state that the registry serves. */
  readonly to: Moment | undefined;
  /** From the page before, whose states it keeps. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** A tag that differs between two states; `undefined` on the side where it does not exist. */
export interface TagChange {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly before: Digest | undefined;
  readonly after: Digest | undefined;
}

export interface ComparedPage {
  readonly entries: readonly TagChange[];
  /** The cursor of the next page. */
  readonly next: string | undefined;
}

/** `undefined`: the empty store. */
interface States {
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
}

/** The place after a tag, in the order in which the trees of two states differ. */
interface ComparePosition extends States {
  readonly last: StorePath;
}

/**
 * A page of the tags that differ between two moments, of repositories that the actor may read. Manifests are not compared, so
 * that the time of a page depends on what it shows. Rejects as `stateAt` does, and with `NotAllowedError`.
 */
export async function compareMoments(
  services: ContentServices,
  actor: Actor,
  request: CompareRequest,
): Promise<ComparedPage> {
  const { instance, repository } = request;
  const limit = checkLimit(request.limit);
  if (repository) requireReader(actor, instance, repository);
  const { oci, until } = await servedBy(services, instance);
  for (const moment of [request.from, request.to])
    if (moment) await requireSeen(services, actor, { instance, moment });
  const { from, to, last } = await statesOf(oci, until, request);
  const [then, now] = [await oci.store.at(from), await oci.store.at(to)];
  let isAfter = last === undefined;
  const enters = directoriesOf(actor, request, () => (isAfter ? undefined : last));
  const pace = new Pace(0.5);
  const entries: TagChange[] = [];
  for await (const { path } of oci.store.diff(from, to, enters)) {
    await pace.rest();
    if (!isAfter) {
      isAfter = path === last;
      continue;
    }
    const file = parseOciPath(path);
    if (file?.kind !== "tag") continue;
    const end = entries.at(-1);
    if (entries.length === limit && end) return { entries, next: cursorOf({ from, to }, end) };
    const [before, after] = [
      await tagTarget(then, file.repository, file.tag),
      await tagTarget(now, file.repository, file.tag),
    ];
    entries.push({ repository: file.repository, tag: file.tag, before, after });
  }
  return { entries, next: undefined };
}

const CONTENT_FOLDER = /^repositories\/.\/.\/(.+?)\/_(tags|manifests)$/;

/** Enters only what holds tags that the actor may read and, up to a path, only the directories above it. */
function directoriesOf(
  actor: Actor,
  { instance, repository }: CompareRequest,
  skippedTo: () => StorePath | undefined,
): (directory: string) => Promise<boolean> {
  const only = repository ? tagsPrefix(repository) : "repositories/";
  const pace = new Pace(0.5);
  return async (directory) => {
    await pace.rest();
    const path = `${directory}/`;
    if (!only.startsWith(path) && !path.startsWith(only)) return false;
    if (skippedTo()?.startsWith(path) === false) return false;
    const [, name = "", folder] = directory.match(CONTENT_FOLDER) ?? [];
    if (folder === undefined) return true;
    const found = parseRepositoryName(name);
    return folder === "tags" && found !== undefined && holdsRole(actor, instance, found, "reader");
  };
}

async function statesOf(
  oci: OciStore,
  until: ObjectId | undefined,
  { from, to, cursor }: CompareRequest,
): Promise<States & Partial<ComparePosition>> {
  if (cursor === undefined)
    return {
      from: await stateAt(oci, from, until),
      to: to ? await stateAt(oci, to, until) : (until ?? oci.store.head().commitId),
    };
  const { last, ...states } = positionOf(cursor);
  const known = async (id: ObjectId | undefined) =>
    id && stateAt(oci, { point: { kind: "commit", prefix: id }, text: id }, until);
  return { from: await known(states.from), to: await known(states.to), last };
}

function cursorOf({ from, to }: States, { repository, tag }: TagChange): string {
  return encodedCursor([from ?? NO_COMMIT, to ?? NO_COMMIT, repository, tag]);
}

/** Throws `InvalidArgumentError`. */
function positionOf(cursor: string): ComparePosition {
  const [from, to, name, tagName] = decodedCursor(cursor).map((part) =>
    typeof part === "string" ? part : "",
  );
  const [then, now] = [parseObjectId(from ?? ""), parseObjectId(to ?? "")];
  const [repository, tag] = [parseRepositoryName(name ?? ""), parseTag(tagName ?? "")];
  if (!then || !now || !repository || !tag)
    throw new InvalidArgumentError("the cursor is not one of this list; begin with the first page");
  const stateOf = (id: ObjectId) => (id === NO_COMMIT ? undefined : id);
  return { from: stateOf(then), to: stateOf(now), last: tagPath(repository, tag) };
}
