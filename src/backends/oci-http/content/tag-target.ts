import { type Digest, parseDigest } from "../../../primitives/digest.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { tagPath } from "./layout.ts";

/** What a tag stands for in one state of the store; `undefined` if there is no such tag. */
export async function tagTarget(
  snapshot: Snapshot,
  repository: RepositoryName,
  tag: Tag,
): Promise<Digest | undefined> {
  const content = await snapshot.read(tagPath(repository, tag));
  return content && digestInTag(content);
}

/** Reads a tag's file: a digest and a line feed. */
export function digestInTag(content: Uint8Array): Digest | undefined {
  return parseDigest(new TextDecoder().decode(content).trimEnd());
}
