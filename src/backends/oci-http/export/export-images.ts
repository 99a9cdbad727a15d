import type { Digest } from "../../../primitives/digest.ts";
import type { BlobStore } from "../../../primitives/store/engine/blobs.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { blobSizes, manifestJson } from "../content/manifest-sizes.ts";
import type { ImportSelection } from "../import/import-types.ts";
import { type CommitReader, pushTimes, type RepositoryState, stateAt } from "./exported-state.ts";
import { LayoutWriter } from "./layout-writer.ts";

export interface ImageExport {
  readonly commits: CommitReader;
  /** `undefined` if the store never held any. */
  readonly blobs: Pick<BlobStore, "open"> | undefined;
  readonly at: ObjectId;
  readonly selection: ImportSelection;
  readonly directory: string;
  /** Called once, before anything is copied, with the bytes of all blobs. */
  readonly begins: (bytes: number) => void;
  readonly copied: (bytes: number) => void;
  readonly found: (bytes: number) => void;
}

export interface ExportedImages {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** What is not there any more, one line each. */
  readonly missing: readonly string[];
}

interface SelectedRepository {
  readonly name: RepositoryName;
  readonly tags: readonly (readonly [tag: string, digest: Digest])[];
  readonly manifests: ReadonlyMap<Digest, Uint8Array>;
}

/** Writes the images of one commit as an OCI layout for each repository; what an earlier run has written stays. */
export async function exportImages(request: ImageExport): Promise<ExportedImages> {
  const { commits, at, selection, directory } = request;
  const states = await stateAt(commits, at, (repository) => selection.includes(repository));
  const times = await pushTimes(commits, at);
  const selected = [...states]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, state]) => select(name, state, selection));
  const wanted = selected.filter(({ manifests }) => manifests.size > 0);
  request.begins(bytesOf(wanted));
  const missing: string[] = [];
  const written = new Map<Digest, string>();
  for (const { name, tags, manifests } of wanted) {
    const layout = await LayoutWriter.open(`${directory}/${name}`, written);
    const children = new Set<Digest>();
    for (const [digest, content] of manifests) {
      const manifest = parseStoredManifest(content);
      for (const child of manifest?.manifests ?? []) children.add(child);
      for (const blob of manifest?.blobs ?? [])
        if (!(await copyBlob(request, layout, blob)))
          missing.push(`${name}@${digest} names ${blob}, which is missing`);
      await layout.putManifest(digest, content, times.get(`${name} ${digest}`));
    }
    for (const [tag, digest] of tags)
      if (!manifests.has(digest)) missing.push(`${name}:${tag} names ${digest}, which is missing`);
    await layout.finish(entriesOf({ name, tags, manifests }, children));
  }
  return {
    repositories: wanted.length,
    tags: wanted.reduce((sum, { tags }) => sum + tags.length, 0),
    manifests: wanted.reduce((sum, { manifests }) => sum + manifests.size, 0),
    missing,
  };
}

function select(
  name: RepositoryName,
  state: RepositoryState,
  selection: ImportSelection,
): SelectedRepository {
  const tags = [...state.tags].filter(([tag]) => selection.includesTag(name, tag)).sort();
  if (selection.includesUntagged(name)) return { name, tags, manifests: state.manifests };
  const manifests = new Map<Digest, Uint8Array>();
  const add = (digest: Digest): void => {
    const content = state.manifests.get(digest);
    if (!content || manifests.has(digest)) return;
    for (const child of parseStoredManifest(content)?.manifests ?? []) add(child);
    manifests.set(digest, content);
  };
  for (const [, digest] of tags) add(digest);
  return { name, tags, manifests };
}

function bytesOf(repositories: readonly SelectedRepository[]): number {
  const sizes = new Map<Digest, number>();
  for (const { manifests } of repositories) {
    for (const content of manifests.values()) {
      const manifest = parseStoredManifest(content);
      const stated = manifest && blobSizes(manifestJson(content), manifest);
      for (const blob of manifest?.blobs ?? []) sizes.set(blob, stated?.get(blob) ?? 0);
    }
  }
  return sizes.values().reduce((sum, size) => sum + size, 0);
}

/** False if the store has no sound blob of the digest. */
async function copyBlob(
  { blobs, copied, found }: ImageExport,
  layout: LayoutWriter,
  digest: Digest,
): Promise<boolean> {
  const known = await layout.sizeOf(digest);
  if (known !== undefined) {
    if (known.isNew) found(known.size);
    return true;
  }
  const opened = await blobs?.open(digest);
  return opened !== undefined && layout.putBlob(digest, opened.stream(), copied);
}

/** Each tag, and the manifests that neither a tag nor another manifest names. */
function entriesOf({ tags, manifests }: SelectedRepository, children: ReadonlySet<Digest>) {
  const named = new Set(tags.map(([, digest]) => digest));
  const alone = [...manifests.keys()].filter((digest) => !named.has(digest) && !children.has(digest));
  return [
    ...tags.map(([tag, digest]) => ({ tag, digest })),
    ...alone.map((digest) => ({ tag: undefined, digest })),
  ].flatMap(({ tag, digest }) => {
    const content = manifests.get(digest);
    const mediaType = content && parseStoredManifest(content)?.mediaType;
    return content && mediaType ? [{ tag, digest, mediaType, size: content.length }] : [];
  });
}
