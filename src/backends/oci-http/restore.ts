import type { Digest } from "../../primitives/digest.ts";
import type { Identity } from "../../primitives/store/git/commit.ts";
import type { ObjectId } from "../../primitives/store/git/object-id.ts";
import type { Change } from "../../primitives/store/tree-edit.ts";
import { ManifestFault, parseManifest } from "../../registry/manifest.ts";
import type { RepositoryName } from "../../registry/repository-name.ts";
import type { Tag } from "../../registry/tag.ts";
import { manifestPath, tagPath } from "./layout.ts";
import type { OciStore } from "./oci-store.ts";
import { tagTarget } from "./tag-target.ts";

/** What bringing a tag back would take. */
export interface RestorePlan {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  /** The commit whose state is brought back. */
  readonly from: ObjectId;
  readonly digest: Digest;
  /** What the tag stands for now. */
  readonly current: Digest | undefined;
  /** The tag's file now: what the plan was made for. */
  readonly currentFile: ObjectId | undefined;
  readonly changes: readonly Change[];
  /** Manifests and blobs of which the bytes are gone. */
  readonly missing: readonly Digest[];
}

/** Looks what `repository:tag` was at a commit; `undefined` if there was no such tag. Changes nothing. */
export async function planRestore(
  oci: OciStore,
  repository: RepositoryName,
  tag: Tag,
  from: ObjectId,
): Promise<RestorePlan | undefined> {
  const then = await oci.store.at(from);
  const digest = await tagTarget(then, repository, tag);
  if (!digest) return undefined;
  const changes: Change[] = [];
  const missing: Digest[] = [];
  for (const pending = [digest], seen = new Set<Digest>(); pending.length > 0; ) {
    const wanted = pending.pop();
    if (!wanted || seen.has(wanted)) continue;
    seen.add(wanted);
    const path = manifestPath(repository, wanted);
    const content = await then.read(path);
    const manifest = content && parseManifest(content);
    if (!content || !manifest || manifest instanceof ManifestFault) {
      missing.push(wanted);
      continue;
    }
    changes.push({ path, content });
    missing.push(...manifest.blobs.filter((blob) => oci.blobs.size(blob) === undefined));
    pending.push(...manifest.manifests);
  }
  changes.push({ path: tagPath(repository, tag), content: Buffer.from(`${digest}\n`) });
  const head = oci.store.head();
  const current = await tagTarget(head, repository, tag);
  const currentFile = await head.fileId(tagPath(repository, tag));
  return { repository, tag, from, digest, current, currentFile, changes, missing };
}

/**
 * Carries a plan out as one commit that names what it restores; false if nothing had to change. Rejects with
 * `StaleReadError` if the tag has moved since the plan was made.
 */
export async function restore(oci: OciStore, plan: RestorePlan, author: Identity): Promise<boolean> {
  const { repository, tag, digest, current, from } = plan;
  const trailers = [
    `Repository: ${repository}`,
    `Tag: ${tag}`,
    ...(current ? [`Previous: ${current}`] : []),
    `Digest: ${digest}`,
    `Restores: ${from}`,
    "Client: console",
  ];
  const message = `restore ${repository}:${tag}\n\n${trailers.join("\n")}`;
  const asPlanned = { path: tagPath(repository, tag), fileId: plan.currentFile };
  const { changed } = await oci.store.commit(plan.changes, { author, message }, [asPlanned]);
  return changed;
}
