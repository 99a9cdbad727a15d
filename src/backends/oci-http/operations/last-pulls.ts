import type { Digest } from "../../../primitives/digest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { RegistryState } from "./registry-state.ts";

/** The hour of the last pull of a manifest by whatever tag, or of anything in a repository; `undefined`: unknown. */
export type LastPull = (repository: RepositoryName, digest?: Digest) => Date | undefined;

/** What is known of last pulls, with what other nodes tell within the time that the request may wait. Of the past, nothing is. */
export async function lastPullsOf({
  oci: { pulls },
  past,
  waits,
}: Pick<RegistryState, "oci" | "past" | "waits">): Promise<LastPull> {
  if (past) return () => undefined;
  await waits.spend((ms) => Promise.race([pulls.refreshShown(), Bun.sleep(ms)]));
  return (repository, digest) => pulls.shown(repository, digest);
}
