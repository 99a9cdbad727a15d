import type { Digest } from "../../../primitives/digest.ts";
import type { Store } from "../../../primitives/store/commits/store.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { parseOciPath } from "./layout.ts";

export interface CommittedManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly content: Uint8Array;
}

/**
 * Yields every manifest of a commit, read from the commit and not from an index; once for each repository that holds it.
 * Rejects with `CorruptObjectError` if one can't be read, as its references are then unknown. Does not verify that `content`
 * has the digest: stock git may have committed any bytes.
 */
export async function* committedManifests(
  store: Pick<Store, "at">,
  commitId: ObjectId,
): AsyncGenerator<CommittedManifest> {
  const snapshot = await store.at(commitId);
  for await (const { path } of snapshot.list("repositories/")) {
    const file = parseOciPath(path);
    if (file?.kind !== "manifest") continue;
    const content = await snapshot.read(path);
    if (content) yield { repository: file.repository, digest: file.digest, content };
  }
}
