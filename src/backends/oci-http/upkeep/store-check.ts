import { basename } from "node:path";
import type { Digest } from "../../../primitives/digest.ts";
import { DerivedIndex } from "../../../primitives/store/index/derived-index.ts";
import { ScopeClock } from "../../../primitives/store/index/scope-clock.ts";
import type { RepositoryName } from "../../../registry/model/repository-name.ts";
import { type Damage, damageOf } from "../content/damage.ts";
import { manifestClosure } from "../content/manifest-closure.ts";
import { OCI_INDEX } from "../index/oci-index.ts";
import { OciIndexReader } from "../index/oci-index-reader.ts";
import type { OciStore } from "../store/oci-store.ts";

/** Most tags listed for a damaged blob; further ones are only counted. */
const MAX_NAMED_TAGS = 5;
const MAX_TAGS_AT_ONCE = 1000;
const MAX_LINKS_AT_ONCE = 200;

type Link = Parameters<OciStore["links"]["olderThan"]>[1];

export interface OciReport {
  readonly blobs: number;
  /** One problem per line. */
  readonly problems: readonly string[];
}

export type CheckedCommits = Pick<OciStore["store"], "head" | "project">;

export interface CheckOptions {
  /** Whether damaged blobs are set aside: they are no longer served, and a new push replaces them. */
  readonly setsAside: boolean;
  /** Whether manifests may name blobs that were never there. */
  readonly mayLackBlobs?: boolean | undefined;
  /** Called between steps and may wait; false ends the check. */
  readonly step: (progress: string) => Promise<boolean>;
  /**
   * Brings the store to its newest commit, where tags may have been deleted meanwhile, and blobs that only they needed
   * collected; resolves with the store.
   */
  readonly catchUp?: () => Promise<CheckedCommits>;
  /** Cancels within a step, such as hashing a large blob: the check rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How often the comparison catches up with new commits before it gives up on a busy store. */
const MAX_ATTEMPTS = 20;

/** Runs `checkBlobs` and compares the served index with the commits; a damaged index is replaced. */
export async function checkOciStore(oci: OciStore, options: CheckOptions): Promise<OciReport> {
  const catchUp = async () => {
    await oci.refresh();
    return oci.store;
  };
  const { blobs, problems } = await checkBlobs(oci, { catchUp, ...options }, async (fresh) => [
    ...(await findDamage(oci, options, () => compareIndex(oci, fresh, options.step))),
    ...(await findDamage(oci, options, () => checkLinks(oci, options.step))),
  ]);
  return { blobs, problems };
}

/** Runs `check`, which returns or throws the damage of a database, and starts its replacement. */
async function findDamage(
  oci: OciStore,
  { setsAside }: CheckOptions,
  check: () => Promise<Damage | undefined>,
): Promise<string[]> {
  const damage = await check().catch((error) => {
    const found = damageOf(error);
    if (!found) throw error;
    return found;
  });
  if (!damage) return [];
  if (setsAside) oci.damaged(damage);
  const { indexPath } = oci.location;
  return [
    `${basename(damage.path ?? indexPath)} is damaged (${damage.reason})${setsAside ? "; it is being replaced" : ""}`,
  ];
}

/** Reads every link, which verifies its checksum. */
async function checkLinks(oci: OciStore, step: CheckOptions["step"]): Promise<undefined> {
  for (let last: Link | undefined; ; ) {
    const links = await oci.links.olderThan(Number.MAX_SAFE_INTEGER, last, MAX_LINKS_AT_ONCE);
    last = links.at(-1);
    if (!last || !(await step("looking through the links"))) return;
  }
}

/** Hashes every blob again, and finds missing blobs that tags need. */
export async function checkBlobs(
  oci: { readonly store: CheckedCommits; readonly blobs: OciStore["blobs"] },
  options: CheckOptions,
  compare: (fresh: DerivedIndex) => Promise<string[]> = async () => [],
): Promise<OciReport> {
  const fresh = DerivedIndex.open(":memory:", OCI_INDEX, new ScopeClock());
  /** The tags that need each blob, at the newest commit of the store. */
  const tagsOf = async (store: CheckedCommits) => {
    const { commitId } = store.head();
    if (commitId) await store.project(fresh, commitId, options.signal);
    return collectTags(new OciIndexReader(fresh.db));
  };
  try {
    const tagsByBlob = await tagsOf(oci.store);
    const { found, problems, isWhole } = await hashBlobs(oci.blobs, tagsByBlob, options);
    if (!isWhole) return { blobs: found.size, problems };
    if (options.mayLackBlobs)
      return { blobs: found.size, problems: [...problems, ...(await compare(fresh))] };
    let missing = await missingOf(oci.blobs, found, tagsByBlob);
    if (missing.size > 0 && options.catchUp)
      missing = await missingOf(oci.blobs, found, await tagsOf(await options.catchUp()));
    for (const [digest, tags] of missing) problems.push(`blob ${digest} is missing${affected(tags)}`);
    problems.push(...(await compare(fresh)));
    return { blobs: found.size, problems };
  } finally {
    fresh.close();
  }
}

type TagsByBlob = ReadonlyMap<Digest, readonly string[]>;

/** `isWhole`: false if `step` ended it. */
async function hashBlobs(
  blobs: OciStore["blobs"],
  tagsByBlob: TagsByBlob,
  { setsAside, step, signal }: CheckOptions,
): Promise<{ readonly found: ReadonlySet<Digest>; readonly problems: string[]; readonly isWhole: boolean }> {
  const goOn = () => {
    signal?.throwIfAborted();
    return undefined;
  };
  const problems: string[] = [];
  const found = new Set<Digest>();
  for await (const page of blobs.list()) {
    for (const digest of page) {
      found.add(digest);
      const verdict = await (setsAside ? blobs.verify(digest, goOn) : blobs.check(digest, goOn));
      if (verdict === "damaged") {
        const why = await blobs.explain?.(digest);
        const reason = why === undefined ? "" : ` (${why})`;
        problems.push(`blob ${digest} is damaged${reason}${affected(tagsByBlob.get(digest))}`);
      }
      if (!(await step(`${found.size} blobs hashed`))) return { found, problems, isWhole: false };
    }
  }
  return { found, problems, isWhole: true };
}

async function missingOf(
  blobs: OciStore["blobs"],
  found: ReadonlySet<Digest>,
  tagsByBlob: TagsByBlob,
): Promise<TagsByBlob> {
  const missing = new Map<Digest, readonly string[]>();
  for (const [digest, tags] of tagsByBlob) {
    // The blob may have been uploaded after the blobs were listed.
    if (!found.has(digest) && !(await blobs.stat(digest))) missing.set(digest, tags);
  }
  return missing;
}

/** Compares the index with the commits. */
async function compareIndex(
  oci: OciStore,
  fresh: DerivedIndex,
  step: CheckOptions["step"],
): Promise<Damage | undefined> {
  const { indexPath: path } = oci.location;
  const scopes = new Set([...fresh.scopes(), ...oci.derived.scopes()]);
  for (const scope of scopes) {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // Both are compared while they stand at the same commit.
      if (oci.derived.head === fresh.head) {
        if (fresh.dump(scope) !== oci.derived.dump(scope))
          return { reason: `it differs from the commits in '${scope}'`, path };
        break;
      }
      const { commitId } = oci.store.head();
      if (commitId) await oci.store.project(fresh, commitId);
    }
    if (!(await step("comparing the index"))) return undefined;
  }
  return undefined;
}

/** The tags that need each blob, directly or through an index. */
async function collectTags(index: OciIndexReader): Promise<Map<Digest, string[]>> {
  const tagsByBlob = new Map<Digest, string[]>();
  for (const repository of index.repositoriesAfter("")) {
    for (let last = "", more = true; more; ) {
      const tags = index.tags(repository, last, MAX_TAGS_AT_ONCE);
      for (const tag of tags) {
        const digest = index.tagDigest(repository, tag);
        for (const blob of digest ? await blobsOf(index, repository, digest) : []) {
          const names = tagsByBlob.get(blob);
          if (names) names.push(`${repository}:${tag}`);
          else tagsByBlob.set(blob, [`${repository}:${tag}`]);
        }
      }
      more = tags.length === MAX_TAGS_AT_ONCE;
      last = tags.at(-1) ?? "";
    }
  }
  return tagsByBlob;
}

async function blobsOf(index: OciIndexReader, repository: RepositoryName, top: Digest): Promise<Set<Digest>> {
  const blobs = new Set<Digest>();
  const read = (digest: Digest) => index.manifest(repository, digest)?.content;
  for await (const { manifest } of manifestClosure(top, { read }))
    for (const blob of manifest.blobs) blobs.add(blob);
  return blobs;
}

function affected(tags: readonly string[] = []): string {
  if (tags.length === 0) return "; no tag needs it";
  const more = tags.length > MAX_NAMED_TAGS ? ` and ${tags.length - MAX_NAMED_TAGS} more` : "";
  return `; needed by ${tags.slice(0, MAX_NAMED_TAGS).join(", ")}${more}`;
}
