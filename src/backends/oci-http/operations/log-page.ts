import { Pace } from "../../../primitives/jobs/pace.ts";
import { parseObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import type { Actor } from "../../actor.ts";
import { InvalidArgumentError } from "../../refusals.ts";
import { type EventKind, eventKind } from "../content/store-event.ts";
import {
  type EventFilter,
  type EventPlace,
  nextEvents,
  type PlacedEvent,
  placeAt,
  unnamedMoves,
} from "../history/event-pages.ts";
import { formerNames } from "../history/past-names.ts";
import { type HistoryRows, seqOf } from "../history/tag-sets.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import type { OciStore } from "../store/oci-store.ts";
import { checkLimit } from "./found-page.ts";
import { lastPlace } from "./last-place.ts";
import { type LogRecord, visibleRecord } from "./log.ts";
import type { Moment } from "./moment.ts";
import { readableOf, readsAll } from "./readable-repositories.ts";
import { type ContentServices, configOf, requireReader } from "./registry-access.ts";

export { EVENT_KINDS, type EventKind, eventKind } from "../content/store-event.ts";

export interface LogPageRequest {
  readonly instance: InstanceName;
  readonly repository?: RepositoryName | undefined;
  /** A tag of `repository`. */
  readonly tag?: Tag | undefined;
  /** The author. */
  readonly user?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly kind?: EventKind | undefined;
  /** A part of the client's name, in any case. */
  readonly client?: string | undefined;
  /** As of a moment: later events are left out. */
  readonly at?: Moment | undefined;
  /** From another page of this list. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** Most events that are looked at for the page, in hundreds. */
  readonly examined?: number | undefined;
}

export interface LogPage {
  /** The newest first. */
  readonly entries: readonly LogRecord[];
  /** The cursor of the page of older events; `undefined` if there are none. */
  readonly older: string | undefined;
  /** The cursor of the page of newer events; `undefined` on the first page. */
  readonly newer: string | undefined;
  /** False if the page ended because many events did not match; the cursors go on, if the actor may see any of them. */
  readonly isComplete: boolean;
}

const EXAMINED = 5000;
const READ_AT_ONCE = 100;
/** Most further events that are looked at to find one that the actor may see. */
const MAX_UNSEEN = 50_000;
/** Most repositories whose events are read one by one, for an actor who may not read all: it then waits for nobody else's. */
const MAX_MERGED = 100;

/** A page of the log, with the access of `readLog`. */
export async function readLogPage(
  services: ContentServices,
  actor: Actor,
  request: LogPageRequest,
): Promise<LogPage> {
  const { instance, repository, cursor } = request;
  const limit = checkLimit(request.limit);
  configOf(services, instance);
  if (repository) requireReader(actor, instance, repository);
  const oci = services.instances.storeOf(instance);
  const last = await lastPlace(services, instance, request.at);
  const place = placeOf(oci.history, request, last);
  const filter = await filterOf(oci, actor, request);
  const sees = ({ event }: PlacedEvent) => visibleRecord(event, actor, request);
  const matches = matcher(sees, request);
  const read = await readEvents(oci.history, filter, {
    place,
    limit: limit + 1,
    most: request.examined ?? EXAMINED,
    sees,
    matches,
  });
  const shown = read.found.slice(0, limit);
  const goesOn = read.found.length > limit || read.stoppedAt !== undefined;
  const end = read.found.length > limit ? shown.at(-1)?.record.commitId : read.stoppedAt;
  const isOlder = place.direction === "older";
  const entries = shown.map(({ record }) => record);
  const other = entries[0]?.commitId;
  const beyond = goesOn && end ? `${place.direction}.${end}` : undefined;
  const back = cursor !== undefined && other ? `${isOlder ? "newer" : "older"}.${other}` : undefined;
  return {
    entries: isOlder ? entries : entries.toReversed(),
    older: isOlder ? beyond : back,
    newer: isOlder ? back : beyond,
    isComplete: read.found.length > limit || read.isAtEnd,
  };
}

/** Throws `InvalidArgumentError` for a cursor that names no commit. */
function placeOf(history: HistoryRows, { cursor, since, until }: LogPageRequest, newest: number): EventPlace {
  const seconds = (date: Date) => Math.floor(date.getTime() / 1000);
  const first = since === undefined ? 1 : placeAt(history, seconds(since) - 1) + 1;
  const last = until === undefined ? newest : Math.min(newest, placeAt(history, seconds(until)));
  if (cursor === undefined) return { direction: "older", from: last + 1, first, last };
  const [direction, text = ""] = cursor.split(".");
  const commit = parseObjectId(text);
  const from = commit && seqOf(history, commit);
  if ((direction !== "older" && direction !== "newer") || from === undefined)
    throw new InvalidArgumentError("the cursor is not one of this list; begin with the first page");
  return { direction, from, first, last };
}

/** The events that are read: only those of the repositories that the actor may read, if these are few. */
async function filterOf(
  { history }: OciStore,
  actor: Actor,
  { instance, repository, tag, user }: LogPageRequest,
): Promise<EventFilter> {
  if (repository) {
    const unnamed = tag === undefined ? await unnamedMoves(history, repository, user) : [];
    return { repositories: [repository], unnamed, tag, user };
  }
  if (readsAll(actor, instance)) return { repositories: undefined, unnamed: "all", user };
  const list = function* (range: Parameters<typeof formerNames>[1]) {
    for (const name of formerNames(history, range, { last: undefined, descending: false })) yield { name };
  };
  const readable = await readableOf(actor, instance, list, MAX_MERGED);
  return { repositories: readable?.map(({ name }) => name), unnamed: "all", user };
}

type Seen = (event: PlacedEvent) => LogRecord | undefined;

function matcher(sees: Seen, request: LogPageRequest): Seen {
  const { kind, since, until } = request;
  const client = request.client?.toLowerCase();
  return (placed) => {
    const { event } = placed;
    if (kind !== undefined && eventKind(event.subject) !== kind) return undefined;
    if (client !== undefined && !event.client?.toLowerCase().includes(client)) return undefined;
    const record = sees(placed);
    if (!record || (since && event.seconds < Math.floor(since.getTime() / 1000))) return undefined;
    return until && record.time > until ? undefined : record;
  };
}

interface Reading {
  readonly place: EventPlace;
  readonly limit: number;
  /** Events that are looked at; then it ends at one that the actor may see. */
  readonly most: number;
  readonly sees: Seen;
  readonly matches: Seen;
}

/** `stoppedAt`: the last commit that was examined and that the actor may see, if there may be more. */
async function readEvents(
  history: HistoryRows,
  filter: EventFilter,
  { place, limit, most, sees, matches }: Reading,
) {
  const pace = new Pace(0.5);
  const found: { readonly record: LogRecord }[] = [];
  let examined = 0;
  for (let { from } = place; ; ) {
    const events = nextEvents(history, filter, { ...place, from }, READ_AT_ONCE);
    for (const placed of events) {
      await pace.rest();
      examined++;
      const record = matches(placed);
      if (record) found.push({ record });
      if (found.length === limit) return { found, stoppedAt: undefined, isAtEnd: false };
    }
    const last = events.at(-1);
    if (!last || events.length < READ_AT_ONCE) return { found, stoppedAt: undefined, isAtEnd: true };
    // A cursor must not name a commit that the actor may not see; what comes after the last one it may is read again.
    const seen = examined >= most ? events.findLast(sees) : undefined;
    if (seen || examined >= most + MAX_UNSEEN)
      return { found, stoppedAt: seen?.event.commitId, isAtEnd: false };
    from = last.seq;
  }
}
