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
 * Every manifest that a commit holds, read from the commit itself and from nothing that was derived from it. One that
 * several repositories hold comes for each. Rejects with `CorruptObjectError` where one can't be read: what it needs is
 * unknown then. That `content` has the digest is not checked, as stock git may have committed anything.
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
