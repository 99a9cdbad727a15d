import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import { SYSTEM_IDENTITY } from "../../../primitives/store/commits/commit-group.ts";
import type { Commit } from "../../../primitives/store/git/commit.ts";
import {
  formatCommitMessage,
  parseCommitMessage,
  type Trailer,
} from "../../../primitives/store/git/commit-message.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseRepositoryName, type RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseTag, type Tag } from "../../../registry/model/tag.ts";

/*
 * Writes and parses the commit messages of OCI stores; no other module does. Stores keep the messages for ever: the text of
 * an event never changes, and messages of older versions must stay readable.
 */

/** The origin of a change, from its HTTP request. */
export interface Origin {
  /** The client's User-Agent. */
  readonly client: string;
  /** The client's address, without port. */
  readonly remote: string;
}

/** A tag that is set or deleted. */
export interface TagMove {
  readonly tag: Tag;
  /** The digest that the tag named before the change. */
  readonly previous?: Digest | undefined;
}

/** The change that a commit of an OCI store makes. */
export type StoreEvent =
  /** `tags` is empty if the client pushed by digest. */
  | {
      readonly kind: "push";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tags: readonly TagMove[];
      readonly origin: Origin;
    }
  | {
      readonly kind: "delete";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      /** With `byDigest`, the tags that are deleted because they named the manifest. */
      readonly tags: readonly TagMove[];
      readonly byDigest: boolean;
      readonly origin: Origin;
    }
  | {
      readonly kind: "restore";
      /** `undefined`: all repositories; the message then lists no tags. */
      readonly repository: RepositoryName | undefined;
      /** `after` is `undefined` for a tag that is deleted. */
      readonly tags: readonly (TagMove & { readonly after: Digest | undefined })[];
      /** The commit whose state is restored. */
      readonly from: ObjectId;
      /** The frontend, or the User-Agent of an HTTP client. */
      readonly client: string;
    }
  | {
      readonly kind: "cleanup";
      readonly repository: RepositoryName;
      readonly tags: readonly TagMove[];
      /** The cleanup rule as configured. */
      readonly rule: string;
    };

/** Hex digits of a digest in a subject line; the trailer has the whole digest. */
const SHORT_DIGEST_HEX = 12;
const MAX_CLIENT_LENGTH = 200;

/** Returns the commit message: a subject such as `push alpine:demo`, then the trailers. */
export function formatEvent(event: StoreEvent): string {
  return formatCommitMessage({ subject: subjectOf(event), trailers: trailersOf(event) });
}

function subjectOf(event: StoreEvent): string {
  const { kind, repository, tags } = event;
  if (kind === "cleanup") return `clean up ${repository}`;
  if (kind === "restore") {
    const [only] = tags.length === 1 ? tags : [];
    return `restore ${repository ? `${repository}${only ? `:${only.tag}` : ""}` : "all repositories"}`;
  }
  const { digest } = event;
  const byDigest = kind === "delete" ? event.byDigest : tags.length === 0;
  const short = digest.slice(0, digest.indexOf(":") + 1 + SHORT_DIGEST_HEX);
  return `${kind} ${repository}${byDigest ? `@${short}` : `:${tags.map(({ tag }) => tag).join(", ")}`}`;
}

function trailersOf(event: StoreEvent): Trailer[] {
  const { repository, tags } = event;
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
      ["Client", "gc"],
    ];
  if (event.kind === "restore") {
    const { repository, tags, from } = event;
    const [only] = tags.length === 1 && repository ? tags : [];
    return [
      ...(only?.after ? [["Digest", only.after] as const] : []),
      ["Restores", from],
      ["Client", shownClient(event.client)],
    ];
  }
  const { digest, origin } = event;
  const client = shownClient(origin.client);
  return [
    ["Digest", digest],
    ...(client ? [["Client", client] as const] : []),
    ...(origin.remote ? [["Remote", origin.remote] as const] : []),
  ];
}

/** Reduces the client's User-Agent to one line of printable ASCII. */
function shownClient(client: string): string {
  return client.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, MAX_CLIENT_LENGTH);
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
}

export function parseEvent(message: string): ParsedEvent {
  const { subject, trailers } = parseCommitMessage(message);
  const values = new Map<string, string>();
  const tags: { tag: Tag; previous?: Digest }[] = [];
  for (const [key, value] of trailers) {
    const tag = key === "Tag" ? parseTag(value) : undefined;
    const previous = key === "Previous" ? parseDigest(value) : undefined;
    const last = tags.at(-1);
    if (tag) tags.push({ tag });
    else if (previous && last) last.previous = previous;
    else values.set(key, value);
  }
  return {
    subject,
    repository: parseRepositoryName(values.get("Repository") ?? ""),
    tags,
    digest: parseDigest(values.get("Digest") ?? ""),
    client: values.get("Client"),
    remote: values.get("Remote"),
  };
}

/** Whether a commit is a push by this server: it adds manifests, sets tags, and removes nothing. */
export function onlyAdds({ committer, message }: Commit): boolean {
  return committer.email === SYSTEM_IDENTITY.email && message.startsWith("push ");
}
