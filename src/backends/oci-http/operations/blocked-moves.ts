import type { Digest } from "../../../primitives/digest.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import { manifestPath } from "../content/layout.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import type { RestorePlan, TagRestore } from "./restore-plan.ts";

/** The tags of a plan whose manifests, or blobs of these, are among `missing`. */
export async function movesThatNeed(
  { moves, manifests }: RestorePlan,
  missing: ReadonlySet<Digest>,
): Promise<TagRestore[]> {
  const contents = new Map<string, Uint8Array | null>(manifests.map(({ path, content }) => [path, content]));
  const blocked: TagRestore[] = [];
  const pace = new Pace(0.5);
  for (const move of moves) {
    await pace.rest();
    const { repository, after } = move;
    if (!after) continue;
    const read = (digest: Digest) => contents.get(manifestPath(repository, digest)) ?? undefined;
    if (!parseStoredManifest(read(after)) || (await needsOne(after, read, missing))) blocked.push(move);
  }
  return blocked;
}

async function needsOne(
  top: Digest,
  read: (digest: Digest) => Uint8Array | undefined,
  missing: ReadonlySet<Digest>,
): Promise<boolean> {
  for await (const { manifest } of manifestClosure(top, { read }))
    if (manifest.blobs.some((blob) => missing.has(blob))) return true;
  return false;
}
