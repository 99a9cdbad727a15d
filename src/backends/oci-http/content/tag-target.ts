import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { tagPath } from "./layout.ts";

/** Returns the digest that a tag names in one state of the store; `undefined` if the tag does not exist. */
export async function tagTarget(
  snapshot: Snapshot,
  repository: RepositoryName,
  tag: Tag,
): Promise<Digest | undefined> {
  const content = await snapshot.read(tagPath(repository, tag));
  return content && digestInTag(content);
}

/** Parses a tag's file: a digest and a line feed. */
export function digestInTag(content: Uint8Array): Digest | undefined {
  return parseDigest(new TextDecoder().decode(content).trimEnd());
}
