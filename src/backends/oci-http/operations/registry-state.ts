import type { Database } from "bun:sqlite";
import type { Digest } from "../../../primitives/digest.ts";
import { storageTroubleOf } from "../../../primitives/fs/storage-trouble.ts";
import { Pace } from "../../../primitives/jobs/pace.ts";
import type { WaitBudget } from "../../../primitives/jobs/wait-budget.ts";
import type { Snapshot } from "../../../primitives/store/commits/snapshot.ts";
import type { ObjectId } from "../../../primitives/store/git/object-id.ts";
import { parseStoredManifest } from "../../../registry/model/manifest.ts";
import type { Page } from "../../../registry/model/page.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import type { Referrer, ReferrersRequest, StoredManifest } from "../../../registry/model/storage.ts";
import type { Tag } from "../../../registry/model/tag.ts";
import { SnapshotContent } from "../content/committed-content.ts";
import { manifestPath, manifestsPrefix, parseOciPath, repositoryPath } from "../content/layout.ts";
import { tagTarget } from "../content/tag-target.ts";
import { type Past, pastTag, pastTags } from "../history/past-tags.ts";
import { eventAt, type LastSet, lastSetBy, lastSets, seqOf } from "../history/tag-sets.ts";
import { cameTo } from "../mirror/own-blob.ts";
import type { InstanceName } from "../settings/instance-config.ts";
import { knownPlacesOf, placeFor } from "../settings/upstream-places.ts";
import { isKnown } from "../store/known-repository.ts";
import type { OciStore } from "../store/oci-store.ts";
import type { StoreView } from "../store/store-view.ts";
import { caughtUp } from "./caught-up.ts";
import { type Moment, stateAt } from "./moment.ts";
import { type ContentServices, configOf, requestWaits } from "./registry-access.ts";

/** One state of a registry, the newest or a past one. The caller decides who may read which repository. */
export interface RegistryState {
  readonly oci: OciStore;
  readonly blobs: StoreView["blobs"];
  /** How long the request may wait for what is collected in the background. */
  readonly waits: WaitBudget;
  /** The commit and its place in the history; `undefined`: the newest state. */
  readonly past: PastState | undefined;
  tagDigest(repository: RepositoryName, tag: Tag): Promise<Digest | undefined>;
  manifest(repository: RepositoryName, digest: Digest): Promise<StoredManifest | undefined>;
  /** Whether a blob that the repository names may be shown to those who may read it. */
  mayShow(repository: RepositoryName, digest: Digest): Promise<boolean>;
  /** Whether the repository holds content; of the newest state also whether it ever did. */
  isKnown(repository: RepositoryName): Promise<boolean>;
  /** Up to `limit` tags after `last`, by name. */
  tags(repository: RepositoryName, last: string, limit: number): Promise<readonly Tag[]>;
  /** The manifests with this subject, after `last` by digest. */
  referrers(repository: RepositoryName, subject: Digest, request: ReferrersRequest): Promise<Page<Referrer>>;
}

export interface PastState extends Past {
  /** `undefined`: before the first commit. */
  readonly commit: ObjectId | undefined;
}

/** Most differences from the newest state that are looked at for referrers which were deleted since. */
const MAX_EXAMINED = 5000;
/** Referrers that are read at once. */
const REFERRERS_AT_ONCE = 100;
const MAX_REFERRER_BYTES = 4 * 1024 * 1024;

/**
 * The state that a registry serves, or had at a moment: read from the index, or from the commit and the history, without an
 * index of that state. Rejects with `NotFoundError`, or `InvalidArgumentError` if the moment is ambiguous.
 */
export async function stateOf(
  services: ContentServices,
  instance: InstanceName,
  at?: Moment,
): Promise<RegistryState> {
  const config = configOf(services, instance);
  const { at: until } = config;
  const oci = services.instances.storeOf(instance);
  const mayShow: RegistryState["mayShow"] = async (repository, digest) =>
    placeFor(knownPlacesOf(config), repository) === undefined || cameTo(oci, repository, digest);
  const { waits = requestWaits() } = services;
  if (at === undefined && until === undefined) {
    await oci.refresh();
    return { oci, waits, mayShow, past: undefined, ...indexed(oci) };
  }
  await caughtUp(services, instance);
  if (at !== undefined) return { waits, mayShow, ...(await pastState(oci, await stateAt(oci, at, until))) };
  const state = { waits, mayShow, ...(await pastState(oci, until)) };
  // A registry that serves a past state has an index of it.
  return until === undefined ? state : { ...state, ...indexed((await oci.frozenAt(until)).view) };
}

function indexed(view: StoreView): Omit<RegistryState, "oci" | "past" | "waits" | "mayShow"> {
  const { index, blobs } = view;
  return {
    blobs,
    tagDigest: async (repository, tag) => index.tagDigest(repository, tag),
    manifest: async (repository, digest) => index.manifest(repository, digest),
    isKnown: (repository) => isKnown(view, repository),
    tags: async (repository, last, limit) => index.tags(repository, last, limit),
    referrers: async (repository, subject, request) => index.referrers(repository, subject, request),
  };
}

async function pastState(
  oci: OciStore,
  commit: ObjectId | undefined,
): Promise<Omit<RegistryState, "waits" | "mayShow">> {
  const snapshot = await oci.store.at(commit);
  const { history, blobs } = oci;
  const past = { history, commit, seq: commit === undefined ? 0 : (seqOf(history, commit) ?? 0) };
  const committed = new SnapshotContent(() => snapshot);
  return {
    oci,
    blobs,
    past,
    tagDigest: (repository, tag) => tagTarget(snapshot, repository, tag),
    manifest: (repository, digest) => committed.manifest(repository, { kind: "digest", digest }),
    isKnown: (repository) => holdsContent(snapshot, repository),
    async tags(repository, last, limit) {
      const tags: Tag[] = [];
      for (const found of pastTags(past, repository, last)) {
        if (found) tags.push(found.tag);
        if (tags.length === limit) break;
      }
      return tags;
    },
    referrers: (repository, subject, request) => pastReferrers(oci, snapshot, repository, subject, request),
  };
}

/**
 * What the history says of the newest state; `undefined` while it reads commits of before the request, as an earlier push must not
 * be taken for the last one, and while the disk has no place for it (`history.trouble`).
 */
export async function newestHistory<T>(
  { oci: { history, store }, waits }: Pick<RegistryState, "oci" | "waits">,
  read: () => T,
): Promise<T | undefined> {
  const { commitId: newest } = store.head();
  try {
    await waits.spend((ms) => history.catchUp(AbortSignal.timeout(ms)));
    return newest === undefined || history.has(newest) ? await history.ask(read) : undefined;
  } catch (error) {
    if (storageTroubleOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Sizes, counts and last pushes of the newest state, which may be a little older; `undefined` while they are collected for the
 * first time.
 */
export function summariesOf({
  oci,
  waits,
}: Pick<RegistryState, "oci" | "waits">): Promise<Database | undefined> {
  return waits.spend((ms) => oci.summaries.newest(ms));
}

/** Who had set each tag last, and when; tags that the history does not know are left out. */
export async function lastSetsOf(
  state: RegistryState,
  repository: RepositoryName,
  tags: readonly Tag[],
): Promise<ReadonlyMap<Tag, LastSet>> {
  const { oci, past } = state;
  if (!past) return (await newestHistory(state, () => lastSets(oci.history, repository, tags))) ?? new Map();
  const sets = new Map<Tag, LastSet>();
  for (const tag of tags) {
    const move = pastTag(past, repository, tag);
    const event = move && eventAt(past.history, move.seq);
    if (event) sets.set(tag, lastSetBy(event));
  }
  return sets;
}

/** Whether a repository has a manifest or tag; a directory of its name may also hold the repositories below it. */
async function holdsContent(snapshot: Snapshot, repository: RepositoryName): Promise<boolean> {
  const manifests = manifestsPrefix(repository).slice(0, -1);
  const tags = `${repositoryPath(repository)}/_tags`;
  return ((await snapshot.entryId(manifests)) ?? (await snapshot.entryId(tags))) !== undefined;
}

/** Those of the newest state that existed, and those that were deleted since. */
async function pastReferrers(
  { store, index }: OciStore,
  snapshot: Snapshot,
  repository: RepositoryName,
  subject: Digest,
  { artifactType, last, limit }: ReferrersRequest,
): Promise<Page<Referrer>> {
  const pace = new Pace(0.5);
  const found = new Map<string, Referrer>();
  let more = false;
  for (let [from, read] = [last, 0]; found.size <= limit && read < MAX_EXAMINED; ) {
    const request = { artifactType, last: from, limit: REFERRERS_AT_ONCE, maxBytes: MAX_REFERRER_BYTES };
    const newest = index.referrers(repository, subject, request);
    for (const referrer of newest.entries) {
      await pace.rest();
      if (await snapshot.fileId(manifestPath(repository, referrer.digest)))
        found.set(referrer.digest, referrer);
    }
    ({ more } = newest);
    if (!more) break;
    read += newest.entries.length;
    from = newest.entries.at(-1)?.digest ?? from;
  }
  let examined = 0;
  const below = manifestsPrefix(repository).slice(0, -1);
  for await (const { path, before, after } of store.diffBelow(below, snapshot, store.head())) {
    await pace.rest();
    if (++examined > MAX_EXAMINED) break;
    const file = parseOciPath(path);
    if (!before || after || file?.kind !== "manifest") continue;
    const content = await snapshot.read(path);
    const manifest = parseStoredManifest(content);
    if (!content || manifest?.subject !== subject || file.digest <= last) continue;
    if (artifactType !== undefined && manifest.artifactType !== artifactType) continue;
    const { mediaType, annotations } = manifest;
    found.set(file.digest, {
      mediaType,
      digest: file.digest,
      size: content.length,
      ...(manifest.artifactType && { artifactType: manifest.artifactType }),
      ...(annotations && { annotations }),
    });
  }
  const sorted = [...found.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  return { entries: sorted.slice(0, limit), more: more || sorted.length > limit };
}
