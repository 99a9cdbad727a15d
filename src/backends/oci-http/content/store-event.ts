import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { Commit } from "../../../primitives/store/git/commit.ts";
import {
  formatCommitMessage,
  parseCommitMessage,
  type Trailer,
} from "../../../primitives/store/git/commit-message.ts";
import { counted } from "../../../primitives/text/counted.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";
import type { ContentCounts, Origin, StoreEvent, TagMove } from "./event-types.ts";

/*
 * Writes and parses the commit messages of OCI stores; no other module does. Stores keep the messages for ever: the text of
 * an event never changes, and messages of older versions must stay readable.
 */

export type { ContentCounts, Origin, StoreEvent, TagMove } from "./event-types.ts";

const COPIED_FROM = "Copied-From";
const RENAMED_FROM = "Renamed-From";
const RENAMED_TO = "Renamed-To";
/** Another manifest that the commit adds. */
const MANIFEST = "Manifest";
/** Hex digits of a digest in a subject line; the trailer has the whole digest. */
const SHORT_DIGEST_HEX = 12;
/** Hex digits of a commit in a subject line; the trailer has the whole id. */
const SHORT_COMMIT_HEX = 12;
const MAX_CLIENT_LENGTH = 200;
const MAX_SOURCE_LENGTH = 400;
/** Characters of a selection in a subject line. */
const MAX_SELECTION_LENGTH = 100;
/** Characters of a selection in a trailer: more than one that a user types, and less than a thousand tags. */
const MAX_TRAILER_LENGTH = 4096;
/** Most tags that a message lists of a change of any number of them; the commit has them all. */
export const MAX_LISTED_TAGS = 100;
const BOUNDED: ReadonlySet<StoreEvent["kind"]> = new Set(["remove", "copy", "restore", "undo"]);

/** Returns the commit message: a subject such as `push alpine:demo`, then the trailers. */
export function formatEvent(event: StoreEvent): string {
  return formatCommitMessage({ subject: subjectOf(event), trailers: trailersOf(event) });
}

function subjectOf(event: StoreEvent): string {
  const { kind, repository, tags } = event;
  if (kind === "cleanup") return `clean up ${repository}`;
  if (kind === "restore") {
    if (event.selection !== undefined) return `restore ${shortened(event.selection)}`;
    const [only] = tags.length === 1 ? tags : [];
    return `restore ${repository ? `${repository}${only ? `:${only.tag}` : ""}` : "all repositories"}`;
  }
  if (kind === "undo") return `undo ${event.undoes.slice(0, SHORT_COMMIT_HEX)}${placeOf(event)}`;
  if (kind === "remove") return `delete ${shortened(event.selection)} (${countsOf(event.counts)})`;
  if (kind === "copy" || kind === "rename") return `${kind} ${event.from} to ${repository}`;
  const { digest } = event;
  const short = digest.slice(0, digest.indexOf(":") + 1 + SHORT_DIGEST_HEX);
  if (kind === "retag") {
    const { source } = event;
    return `tag ${repository}${source.kind === "tag" ? `:${source.tag}` : `@${short}`} as ${event.tags[0].tag}`;
  }
  const byDigest = kind === "delete" ? event.byDigest : tags.length === 0;
  return `${kind} ${repository}${byDigest ? `@${short}` : `:${tags.map(({ tag }) => tag).join(", ")}`}`;
}

function shortened(selection: string, length = MAX_SELECTION_LENGTH): string {
  return selection.length <= length ? selection : `${selection.slice(0, length)}...`;
}

/** For example ` (alpine:demo)`; empty for several repositories. */
function placeOf({ repository, tags }: Pick<StoreEvent & { kind: "undo" }, "repository" | "tags">): string {
  const [only] = tags.length === 1 ? tags : [];
  return repository ? ` (${repository}${only ? `:${only.tag}` : ""})` : "";
}

/** For example `312 tags and 4 manifests in 14 repositories`. */
function countsOf({ repositories, tags, manifests }: ContentCounts): string {
  const parts = [
    ...(tags > 0 ? [counted(tags, "tag")] : []),
    ...(manifests > 0 ? [counted(manifests, "manifest")] : []),
  ];
  return `${parts.join(" and ")}${repositories > 1 ? ` in ${repositories} repositories` : ""}`;
}

function trailersOf(event: StoreEvent): Trailer[] {
  // A rename concerns two repositories alike: the history finds it by its tags in both.
  const repository = event.kind === "rename" ? undefined : event.repository;
  const isBounded = BOUNDED.has(event.kind);
  const tags = isBounded ? event.tags.slice(0, MAX_LISTED_TAGS) : event.tags;
  return [
    ...(repository ? [["Repository", repository] as const, ...tags.flatMap(tagTrailers)] : []),
    ...ownTrailersOf(event),
  ];
}

/** The trailer of a tag's previous digest follows the trailer of that tag directly. */
function tagTrailers({ tag, previous }: TagMove): Trailer[] {
  return [["Tag", tag], ...(previous ? [["Previous", previous] as const] : [])];
}

function ownTrailersOf(event: StoreEvent): Trailer[] {
  if (event.kind === "cleanup")
    return [
      ["Rule", event.rule],
      ["Client", event.client ?? "gc"],
    ];
  if (event.kind === "restore") {
    const { repository, tags, from } = event;
    const [only] = tags.length === 1 && repository ? tags : [];
    return [
      ...(only?.after ? [["Digest", only.after] as const] : []),
      ["Restores", from ?? "the empty state"],
      ...originTrailers({ client: event.client, remote: event.remote ?? "" }),
    ];
  }
  if (event.kind === "undo") {
    const { repository, tags, undoes, origin } = event;
    const [only] = tags.length === 1 && repository ? tags : [];
    return [
      ...(only?.after ? [["Digest", only.after] as const] : []),
      ["Undoes", undoes],
      ...originTrailers(origin),
    ];
  }
  if (event.kind === "remove")
    return [
      ["Deletes", shortened(event.selection, MAX_TRAILER_LENGTH)],
      ...countTrailers(event.counts),
      ...originTrailers(event.origin),
    ];
  if (event.kind === "copy" || event.kind === "rename") {
    const { kind, from, repository, counts, origin } = event;
    const names: Trailer[] =
      kind === "copy"
        ? [[COPIED_FROM, from]]
        : [
            [RENAMED_FROM, from],
            [RENAMED_TO, repository],
          ];
    return [...names, ...countTrailers(counts), ...originTrailers(origin)];
  }
  const source: Trailer[] =
    event.kind === "import" ? [["Source", printable(event.source, MAX_SOURCE_LENGTH)]] : [];
  const from: Trailer[] = event.kind === "mirror" ? mirrorTrailers(event) : [];
  return [["Digest", event.digest], ...source, ...from, ...originTrailers(event.origin)];
}

function mirrorTrailers({ upstream, also = [] }: StoreEvent & { readonly kind: "mirror" }): Trailer[] {
  return [...also.map((digest): Trailer => [MANIFEST, digest]), ["Upstream", upstream]];
}

function countTrailers({ tags, manifests }: ContentCounts): Trailer[] {
  return [
    ["Tags", String(tags)],
    ["Manifests", String(manifests)],
  ];
}

function originTrailers(origin: Origin): Trailer[] {
  const client = printable(origin.client, MAX_CLIENT_LENGTH);
  return [
    ...(client ? [["Client", client] as const] : []),
    ...(origin.remote ? [["Remote", origin.remote] as const] : []),
  ];
}

/** Reduces a text from elsewhere, such as a User-Agent, to one line of printable ASCII. */
function printable(text: string, length: number): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, length);
}

/** A parsed commit message; commits of stock git may have any message. */
export interface ParsedEvent {
  /** For example `push alpine:demo`. */
  readonly subject: string;
  readonly repository: RepositoryName | undefined;
  readonly tags: readonly TagMove[];
  readonly digest: Digest | undefined;
  readonly client: string | undefined;
  readonly remote: string | undefined;
  /** Other repositories that the message names. */
  readonly others?: readonly RepositoryName[];
  /** Other manifests that it adds. */
  readonly also?: readonly Digest[];
}

export function parseEvent(message: string): ParsedEvent {
  const { subject, trailers } = parseCommitMessage(message);
  const values = new Map<string, string>();
  const tags: { tag: Tag; previous?: Digest }[] = [];
  const also: Digest[] = [];
  for (const [key, value] of trailers) {
    const tag = key === "Tag" ? parseTag(value) : undefined;
    const previous = key === "Previous" ? parseDigest(value) : undefined;
    const manifest = key === MANIFEST ? parseDigest(value) : undefined;
    const last = tags.at(-1);
    if (tag) tags.push({ tag });
    else if (manifest) also.push(manifest);
    else if (previous && last) last.previous = previous;
    else values.set(key, value);
  }
  const others = [COPIED_FROM, RENAMED_FROM, RENAMED_TO].flatMap(
    (key) => parseRepositoryName(values.get(key) ?? "") ?? [],
  );
  return {
    subject,
    repository: parseRepositoryName(values.get("Repository") ?? ""),
    tags,
    digest: parseDigest(values.get("Digest") ?? ""),
    client: values.get("Client"),
    remote: values.get("Remote"),
    ...(others.length > 0 && { others }),
    ...(also.length > 0 && { also }),
  };
}

/** Whether a commit is a push, an import or a fetch for a mirror by this server: it adds manifests, sets tags, and removes nothing. */
export function onlyAdds({ committer, message }: Commit): boolean {
  return committer.email === SYSTEM_IDENTITY.email && /^(push|import|mirror) /.test(message);
}

/** Settings by which mirrors delete what can be fetched again. */
const PRUNING = /^Rule: keep-(pulled|size)=/m;

/** Whether a commit by this server only deletes what a mirror can fetch again, so that nothing of it need be kept for a restore. */
export function isPruning({ committer, message }: Commit): boolean {
  return (
    committer.email === SYSTEM_IDENTITY.email && message.startsWith("clean up ") && PRUNING.test(message)
  );
}

/**
 * When the content of a commit by this server was made elsewhere, in seconds since the epoch, if the commit says so. What stock
 * git says does not count: it dates an amended commit like that.
 */
export function madeAt({ author, committer }: Commit): number | undefined {
  const isOurs = committer.email === SYSTEM_IDENTITY.email;
  return isOurs && author.seconds < committer.seconds ? author.seconds : undefined;
}

/** What a commit did, by its message; `other`: not a commit of this server. */
export const EVENT_KINDS = [
  "push",
  "import",
  "mirror",
  "delete",
  "restore",
  "undo",
  "copy",
  "rename",
  "tag",
  "cleanup",
  "other",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export function eventKind(subject: string): EventKind {
  if (subject.startsWith("clean up ")) return "cleanup";
  const verb = subject.slice(0, subject.indexOf(" "));
  return EVENT_KINDS.find((kind) => kind === verb && kind !== "cleanup") ?? "other";
}
