import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { eventKind } from "../content/store-event.ts";
import type { OciStore } from "../store/oci-store.ts";

/** Which manifests of a repository came from upstream, and which a user of this registry has put there. */
export interface ImageOrigins {
  isMirrored(digest: Digest): boolean;
}

/** Commits that say nothing of where content came from. */
const NEUTRAL: ReadonlySet<string> = new Set(["delete", "cleanup"]);

/**
 * Reads the history of a repository. What any commit but a fetch from upstream names as its manifest is a user's own: a push, an
 * import, a tag that was set or restored.
 */
export async function originsIn(
  { history }: Pick<OciStore, "history">,
  repository: RepositoryName,
  signal: AbortSignal,
): Promise<ImageOrigins> {
  const pace = new Pace(1, signal);
  const [mirrored, own] = [new Set<Digest>(), new Set<Digest>()];
  for await (const { subject, digest, also = [] } of history.events({ repository })) {
    await pace.rest();
    signal.throwIfAborted();
    const kind = eventKind(subject);
    if (NEUTRAL.has(kind) || !digest) continue;
    for (const each of [digest, ...also]) (kind === "mirror" ? mirrored : own).add(each);
  }
  return { isMirrored: (digest) => mirrored.has(digest) && !own.has(digest) };
}
