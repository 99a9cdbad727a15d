import type { Digest } from "../../primitives/digest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { Tag } from "../../registry/tag.ts";

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
  readonly tag?: Tag | undefined;
  readonly digest: Digest;
  /** What the tag stood for before. */
  readonly previous?: Digest | undefined;
}

/** Hex digits of a digest in a subject line; the trailer has them all. */
const SHORT_DIGEST_HEX = 12;
const MAX_CLIENT_LENGTH = 200;

/** A commit message: `push alpine:demo`, then trailers that `git interpret-trailers` reads. */
export function changeMessage(
  { action, repository, tag, digest, previous }: LoggedChange,
  origin: Origin,
): string {
  const short = digest.slice(0, digest.indexOf(":") + 1 + SHORT_DIGEST_HEX);
  const trailers = Object.entries({
    Repository: repository,
    Tag: tag,
    Digest: digest,
    Previous: previous,
    Client: origin.client.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, MAX_CLIENT_LENGTH),
    Remote: origin.remote,
  }).flatMap(([key, value]) => (value ? [`${key}: ${value}`] : []));
  return `${action} ${tag ? `${repository}:${tag}` : `${repository}@${short}`}\n\n${trailers.join("\n")}`;
}
