import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";

/** Where a change came from, as far as its HTTP request tells. */
export interface Origin {
  /** The client's User-Agent. */
  readonly client: string;
  /** The client's address, without port. */
  readonly remote: string;
}

interface LoggedChange {
  readonly action: "push" | "delete";
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** The tags that are set, or go. */
  readonly tags: readonly TagMove[];
  /** Whether the request named the digest alone, and the tags only follow from that. */
  readonly byDigest?: boolean;
}

/** A tag that is set or deleted. */
export interface TagMove {
  readonly tag: Tag;
  /** What it stood for before a push. */
  readonly previous?: Digest | undefined;
}

/** Hex digits of a digest in a subject line; the trailer has them all. */
const SHORT_DIGEST_HEX = 12;
const MAX_CLIENT_LENGTH = 200;

/** A commit message: `push alpine:demo`, then trailers that `git interpret-trailers` reads. */
export function changeMessage(change: LoggedChange, origin: Origin): string {
  const { action, repository, digest, tags, byDigest = tags.length === 0 } = change;
  const short = digest.slice(0, digest.indexOf(":") + 1 + SHORT_DIGEST_HEX);
  const target = byDigest ? `@${short}` : `:${tags.map(({ tag }) => tag).join(", ")}`;
  const trailers: [key: string, value: string | undefined][] = [
    ["Repository", repository],
    // What a tag stood for before follows it at once, so that several stay apart.
    ...tags.flatMap(({ tag, previous }): [string, string | undefined][] => [
      ["Tag", tag],
      ["Previous", previous],
    ]),
    ["Digest", digest],
    ["Client", origin.client.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, MAX_CLIENT_LENGTH)],
    ["Remote", origin.remote],
  ];
  const lines = trailers.flatMap(([key, value]) => (value ? [`${key}: ${value}`] : []));
  return `${action} ${repository}${target}\n\n${lines.join("\n")}`;
}
